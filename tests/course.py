"""The course as its repository has it, and title pages for its readings."""

from pathlib import Path

from fpdf import FPDF

from rag.reading_list import load_list
from rag.readings import discover

REPOSITORY = Path(__file__).parents[1]
MATH = "Large Language Models for Mathematical Reasoning: Progresses and Challenges"
DEEP = "A Survey of Deep Learning for Mathematical Reasoning"
IDS = ["2402.00157", "2501.01277", "2212.10535", "2406.11931"]


def pdf(text: str, metadata_title: str = "") -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=9)
    if metadata_title:
        document.set_title(metadata_title)
    document.multi_cell(0, text=text)
    return bytes(document.output())


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def ids_in(*folders: Path) -> list[str]:
    return [reading.reading_id for reading in discover(folders, load_list(folders)).readings]
