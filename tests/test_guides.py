import re
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

from rag.errors import PluginError, ReadingError
from rag.guides import main, parts, render

ROOT = Path(__file__).parents[1]
SHARED = Path(__file__).parents[2] / "shared"
GUIDES = ROOT / "corpus" / "guides"
NAMES = ("2212.10535", "2402.00157", "2406.11931", "2501.01277")
SOURCES = [GUIDES / f"{name}.md" for name in NAMES]
PAPERS = [SHARED / "readings" / "2212.10535.pdf", SHARED / "readings" / "2406.11931.pdf"]
FACTS = [SHARED / "facts" / "2402.00157.md", SHARED / "facts" / "2501.01277.md"]
RUN = 12

each_guide = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def squashed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def pages(pdf: Path) -> list[str]:
    return [page.extract_text() for page in PdfReader(pdf).pages]


def said(source: Path) -> list[str]:
    """Every heading, paragraph, list item and table cell of a source, as it should be read."""
    found = []
    for mark, lines in parts(source):
        if mark == "|":
            rows = [lines[0], *lines[2:]]
            found += [cell.strip() for row in rows for cell in row.strip("|").split("|")]
        else:
            found.append(" ".join(lines))
    return found


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", re.sub(r"-\s*\n\s*", "", text).casefold())
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def prose_runs(source: Path) -> set[tuple[str, ...]]:
    prose = (" ".join(lines) for mark, lines in parts(source) if mark in ("", "-"))
    return set().union(*map(runs, prose))


def test_the_folder_holds_the_four_guides_and_no_pdf_without_its_source() -> None:
    assert sorted(GUIDES.glob("*.pdf")) == [source.with_suffix(".pdf") for source in SOURCES]


@each_guide
def test_a_committed_guide_says_all_that_its_source_says(source: Path) -> None:
    text = squashed("".join(pages(source.with_suffix(".pdf"))))
    assert [piece for piece in said(source) if squashed(piece) not in text] == []


@each_guide
def test_a_committed_guide_says_nothing_that_its_source_does_not(source: Path) -> None:
    text = squashed("".join(pages(source.with_suffix(".pdf"))))
    text = re.sub(rf"ReadingguidetoarXiv{source.stem},notthepaper,page\d", "", text)
    for piece in sorted(map(squashed, said(source)), key=len, reverse=True):
        text = text.replace(piece, "")
    assert text.strip("\N{MIDDLE DOT}") == ""


@each_guide
def test_a_guide_has_two_to_four_pages_of_a4(source: Path) -> None:
    sheets = PdfReader(source.with_suffix(".pdf")).pages
    assert 2 <= len(sheets) <= 4
    assert {(round(sheet.mediabox.width), round(sheet.mediabox.height)) for sheet in sheets} == {
        (595, 842)
    }


@each_guide
def test_a_guide_calls_itself_a_guide_in_its_metadata_and_on_every_page(source: Path) -> None:
    pdf = source.with_suffix(".pdf")
    metadata = PdfReader(pdf).metadata
    assert metadata is not None
    assert metadata.author == "Reading Room"
    assert metadata.title == parts(source)[0][1][0]
    assert metadata.title.startswith("Reading guide: ")
    assert "This is a reading guide and not the paper" in " ".join(pages(pdf)[0].split())
    assert all("not the paper" in page for page in pages(pdf))


@each_guide
def test_building_a_guide_twice_gives_the_same_bytes(source: Path) -> None:
    assert render(source) == render(source)


def test_a_guide_built_by_another_process_has_the_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / SOURCES[0].name
    copy.write_bytes(SOURCES[0].read_bytes())
    command = [sys.executable, "-m", "rag.guides", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert copy.with_suffix(".pdf").read_bytes() == render(SOURCES[0])


@each_guide
@pytest.mark.parametrize("other", [*PAPERS, *FACTS], ids=lambda path: path.name)
def test_no_sentence_of_a_guide_is_copied(source: Path, other: Path) -> None:
    if not other.exists():
        pytest.skip("the papers and fact sheets stand beside the repository, and are not there")
    text = "\n".join(pages(other)) if other.suffix == ".pdf" else other.read_text(encoding="utf-8")
    assert prose_runs(source) & runs(text) == set()


@each_guide
def test_every_list_item_of_the_main_points_names_its_place_or_its_hearsay(source: Path) -> None:
    section, bare = "", []
    for mark, lines in parts(source):
        text = " ".join(lines)
        section = text if mark == "##" else section
        if mark == "-" and "Main points" in section:
            place = re.search(r"\((pp?\. \d|abstract|sheets? |appendix )|second-hand", text)
            bare += [] if place else [text]
    assert bare == []


def test_a_character_outside_latin_1_is_refused_with_file_and_line(tmp_path: Path) -> None:
    source = tmp_path / "odd.md"
    source.write_text("# Reading guide: odd\n\nA dash \N{EM DASH} here.\n", encoding="utf-8")
    with pytest.raises(ReadingError, match=r"odd\.md, line 3: .*outside Latin-1"):
        render(source)
    assert main([str(tmp_path)]) == 1
    assert not source.with_suffix(".pdf").exists()


def test_a_source_without_a_title_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "bare.md"
    source.write_text("Only text.\n", encoding="utf-8")
    with pytest.raises(ReadingError, match=r"bare\.md must begin with a title"):
        render(source)


def test_without_fpdf2_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(PluginError, match="pip install fpdf2"):
        render(SOURCES[0])


def test_lines_of_one_paragraph_or_list_item_belong_together(tmp_path: Path) -> None:
    source = tmp_path / "lines.md"
    source.write_text("# T\none\ntwo\n\n- a\n  b\n- c\n\n| x |\n|---|\n| 1 |\n", encoding="utf-8")
    assert parts(source) == [
        ("#", ["T"]), ("", ["one", "two"]), ("-", ["a", "b"]), ("-", ["c"]),
        ("|", ["x |", "---|", "1 |"]),
    ]  # fmt: skip
