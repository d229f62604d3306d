import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from rag.errors import ReadingError
from rag.parsers.liteparse import LiteparseParser
from tests import pdfs

ROOT = Path(__file__).parents[1]
READINGS = pdfs.SHARED / "readings"
needs_readings = pytest.mark.skipif(not READINGS.is_dir(), reason="the readings are not here")


def read(path):
    return LiteparseParser().read(path)


def texts(pages, *kinds):
    return [b.text for p in pages for b in p.blocks if not kinds or b.kind in kinds]


def test_a_table_over_a_page_break_keeps_rows_and_heads(tmp_path):
    pages = read(pdfs.table_over_a_page_break(tmp_path / "a.pdf"))
    rows = [b for p in pages for b in p.blocks if b.kind == "table" and b.level == 0]
    cells = [tuple(b.text[c.start : c.end] for c in b.cells) for b in rows]
    assert cells == pdfs.SHIPS
    assert {tuple(c.head for c in b.cells) for b in rows} == {("Ship", "Built", "Loss")}
    assert len(pages) == 2
    captions = [b for p in pages for b in p.blocks if b.kind == "caption"]
    assert [c.group for c in captions] == [1, 1]


def test_pages_that_readers_count_differently_are_not_mixed_up(tmp_path):
    pages = read(pdfs.miscounted(tmp_path / "a.pdf"))
    assert [(page.number, texts([page])) for page in pages] == [(2, [pdfs.RIGHT]), (3, [pdfs.LEFT])]


def test_pypdf_is_left_alone_where_every_page_has_words(tmp_path):
    path = pdfs.with_outline(tmp_path / "a.pdf")
    command = (
        "import sys, pathlib; from rag.parsers.liteparse import LiteparseParser; "
        f"LiteparseParser().read(pathlib.Path({str(path)!r})); sys.exit('pypdf' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", command], cwd=ROOT).returncode == 0


def squashed(text):
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text))


@needs_readings
@pytest.mark.parametrize("name", ["2406.11931.pdf", "2212.10535.pdf"])
def test_the_text_is_what_another_reader_finds_on_the_page(name):
    from pypdf import PdfReader

    other = PdfReader(READINGS / name)
    missing = total = 0
    for page in read(READINGS / name):
        theirs = squashed(other.pages[page.number - 1].extract_text())
        for block in page.blocks:
            if block.kind in ("paragraph", "list", "heading", "caption"):
                sentences = [s for s in block.text.split(". ") if len(s) > 20]
                total += len(sentences)
                missing += sum(squashed(s) not in theirs for s in sentences)
    assert total > 200
    assert missing / total < 0.08  # formulas and ligatures, which the two readers spell differently


@needs_readings
def test_cells_of_the_readings_stand_under_the_right_heads():
    pages = read(READINGS / "2406.11931.pdf")

    def cell(page, row, head):
        found = [
            b.text[c.start : c.end]
            for b in pages[page - 1].blocks
            if b.kind == "table" and b.text.startswith(row)
            for c in b.cells
            if c.head == head
        ]
        return found[0] if found else None

    assert cell(8, "Codestral", "Racket") == "37.3%"
    assert cell(8, "Codestral", "Python") == "78.1%"
    assert cell(14, "Arena-Hard", "DeepSeek-V2-Lite Chat") == "11.40"
    assert cell(13, "GPT-4o-0513", "AIME 2024") == "2/30"


@needs_readings
def test_no_line_of_a_table_of_contents_is_a_heading():
    pages = read(pdfs.SHARED / "papers" / "deepseek-r1.pdf")
    assert texts([pages[1]], "heading") == []
    assert texts([pages[2]], "heading") == ["1. Introduction"]


@needs_readings
def test_headings_that_only_the_outline_gives_away_are_found():
    pages = read(pdfs.SHARED / "papers" / "codet.pdf")
    found = {b.text: b.level for page in pages for b in page.blocks if b.kind == "heading"}
    assert found["4.1 RESULTS ON HUMANEVAL AND MBPP"] == 2
    assert found["H.2 CODE COVERAGE OF TEST CASES"] == 2


@needs_readings
def test_a_file_with_no_readable_stream_is_refused():
    with pytest.raises(ReadingError, match="damaged"):
        read(pdfs.SHARED / "papers" / "damaged" / "dl4math-2022-12-21-damaged-streams.pdf")
