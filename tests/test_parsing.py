import re
import unicodedata

import pytest

from rag.errors import ReadingError
from rag.parsers.liteparse import LiteparseParser
from tests import pdfs

READINGS = pdfs.SHARED / "readings"
needs_readings = pytest.mark.skipif(not READINGS.is_dir(), reason="the readings are not here")


def read(path):
    return LiteparseParser().read(path)


def texts(pages, *kinds):
    return [b.text for p in pages for b in p.blocks if not kinds or b.kind in kinds]


def test_columns_are_read_one_after_the_other(tmp_path):
    pages = read(pdfs.two_columns(tmp_path / "a.pdf"))
    assert texts(pages, "title") == ["A Short History of the Harbour"]
    assert texts(pages, "heading") == ["1 Building", "2 Fishing"]
    assert texts(pages, "paragraph") == [pdfs.LEFT, pdfs.RIGHT]


def test_hyphens_are_mended_and_real_ones_kept(tmp_path):
    (text,) = texts(read(pdfs.hyphenated(tmp_path / "a.pdf")), "paragraph")
    assert "wrote instructions for every visitor" in text
    assert "are well-known along" in text
    assert "the DeepWater-Guide repeats" in text


def test_a_table_over_a_page_break_keeps_rows_and_heads(tmp_path):
    pages = read(pdfs.table_over_a_page_break(tmp_path / "a.pdf"))
    rows = [b for p in pages for b in p.blocks if b.kind == "table" and b.level == 0]
    cells = [tuple(b.text[c.start : c.end] for c in b.cells) for b in rows]
    assert cells == pdfs.SHIPS
    assert {tuple(c.head for c in b.cells) for b in rows} == {("Ship", "Built", "Loss")}
    assert len(pages) == 2
    captions = [b for p in pages for b in p.blocks if b.kind == "caption"]
    assert [c.group for c in captions] == [1, 1]


def test_running_heads_and_page_numbers_are_left_out(tmp_path):
    pages = read(pdfs.with_running_heads(tmp_path / "a.pdf"))
    assert all("Annals" not in text for text in texts(pages))
    assert [len(page.blocks) for page in pages] == [1, 1, 1, 1]


def test_each_word_has_its_box_on_the_page(tmp_path):
    (page,) = read(pdfs.two_columns(tmp_path / "a.pdf"))
    paragraph = next(b for b in page.blocks if b.text == pdfs.RIGHT)
    words = [paragraph.text[s.start : s.end] for s in paragraph.spans]
    assert words == pdfs.RIGHT.split()
    assert all(s.box.page == 1 and 310 < s.box.x0 < s.box.x1 < 545 for s in paragraph.spans)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (pdfs.encrypted, "password"),
        (pdfs.image_only, "scanned"),
        (pdfs.damaged, "damaged"),
        (lambda path: path.write_bytes(b"") or path, "empty"),
        (lambda path: path.write_text("<html>not found</html>") and path, "not a PDF"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, build, says):
    path = build(tmp_path / "thesis.pdf") or tmp_path / "thesis.pdf"
    with pytest.raises(ReadingError, match=says) as error:
        read(tmp_path / "thesis.pdf")
    assert "thesis.pdf" in str(error.value)
    assert path


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
def test_a_file_with_no_readable_stream_is_refused():
    with pytest.raises(ReadingError, match="damaged"):
        read(pdfs.SHARED / "papers" / "damaged" / "dl4math-2022-12-21-damaged-streams.pdf")
