"""What every parser must do, run over every file in rag/parsers."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

import rag.parsers
from rag.errors import ReadingError
from rag.protocols import Parser
from rag.settings import Settings
from rag.types import Block, Page
from tests import pdfs

NAMES = sorted(p.stem for p in Path(rag.parsers.__file__).parent.glob("*.py") if p.stem[0] != "_")
NEAR = 0.5  # points by which a box may reach over the page's edge
BUILDS = {
    build.__name__: build
    for build in (
        pdfs.two_columns,
        pdfs.table_over_a_page_break,
        pdfs.hyphenated,
        pdfs.with_running_heads,
        pdfs.with_outline,
        pdfs.cropped,
        pdfs.gzipped,
        pdfs.owned,
    )
}

Build = Callable[[Path], Path]


@pytest.fixture(params=NAMES)
def parser(request: pytest.FixtureRequest) -> Parser:
    loaded: Parser = importlib.import_module(f"rag.parsers.{request.param}").load(Settings())
    return loaded


@pytest.fixture(params=BUILDS.values(), ids=BUILDS.keys())
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return request.param(tmp_path / "a.pdf")


def texts(pages: list[Page], *kinds: str) -> list[str]:
    return [block.text for block in blocks(pages, *kinds)]


def blocks(pages: list[Page], *kinds: str) -> list[Block]:
    return [b for page in pages for b in page.blocks if not kinds or b.kind in kinds]


def left_end(pages: list[Page], words: str) -> tuple[float, float]:
    """Where the block that starts with these words starts: its left and its top."""
    block = next(b for b in blocks(pages) if b.text.startswith(words))
    return block.spans[0].box.x0, block.spans[0].box.y0


def test_there_is_a_parser() -> None:
    assert {"liteparse", "pypdf"} <= set(NAMES)


def test_it_says_who_it_is(parser: Parser) -> None:
    assert parser.name in NAMES
    assert parser.version


def test_pages_are_numbered_from_one_and_have_a_size(parser: Parser, path: Path) -> None:
    pages = parser.read(path)
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert all(page.width > 0 and page.height > 0 for page in pages)
    assert all(page.label for page in pages)


def test_boxes_lie_on_their_page(parser: Parser, path: Path) -> None:
    for page in parser.read(path):
        for box in (span.box for block in page.blocks for span in block.spans):
            assert box.page == page.number
            assert -NEAR <= box.x0 < box.x1 <= page.width + NEAR
            assert -NEAR <= box.y0 < box.y1 <= page.height + NEAR


def test_spans_cover_the_text_word_by_word(parser: Parser, path: Path) -> None:
    found = blocks(parser.read(path))
    assert found
    for block in found:
        end = 0
        for span in block.spans:
            assert not block.text[end : span.start].strip()
            assert end <= span.start < span.end <= len(block.text)
            assert not any(letter.isspace() for letter in block.text[span.start : span.end])
            end = span.end
        assert end == len(block.text)


def test_a_second_reading_is_the_same(parser: Parser, path: Path) -> None:
    assert parser.read(path) == parser.read(path)


def test_columns_are_read_one_after_the_other(parser: Parser, tmp_path: Path) -> None:
    pages = parser.read(pdfs.two_columns(tmp_path / "a.pdf"))
    assert texts(pages, "title") == ["A Short History of the Harbour"]
    assert texts(pages, "heading") == ["1 Building", "2 Fishing"]
    assert texts(pages, "paragraph") == [pdfs.LEFT, pdfs.RIGHT]


def test_hyphens_are_mended_and_real_ones_kept(parser: Parser, tmp_path: Path) -> None:
    (text,) = texts(parser.read(pdfs.hyphenated(tmp_path / "a.pdf")), "paragraph")
    assert "wrote instructions for every visitor" in text
    assert "are well-known along" in text
    assert "the DeepWater-Guide repeats" in text


def test_cells_of_a_table_stand_under_their_heads(parser: Parser, tmp_path: Path) -> None:
    pages = parser.read(pdfs.table_over_a_page_break(tmp_path / "a.pdf"))
    rows = [block for block in blocks(pages, "table") if block.level == 0]
    assert [tuple(b.text[c.start : c.end] for c in b.cells) for b in rows] == pdfs.SHIPS
    assert {tuple(c.head for c in b.cells) for b in rows} == {("Ship", "Built", "Loss")}


def test_running_heads_and_page_numbers_are_left_out(parser: Parser, tmp_path: Path) -> None:
    pages = parser.read(pdfs.with_running_heads(tmp_path / "a.pdf"))
    assert [len(page.blocks) for page in pages] == [1, 1, 1, 1]
    assert all(text.startswith("On day") for text in texts(pages))


def test_words_stand_where_the_page_shows_them(parser: Parser, tmp_path: Path) -> None:
    (page,) = parser.read(pdfs.two_columns(tmp_path / "a.pdf"))
    paragraph = next(b for b in page.blocks if b.text == pdfs.RIGHT)
    assert [paragraph.text[s.start : s.end] for s in paragraph.spans] == pdfs.RIGHT.split()
    assert all(310 < s.box.x0 < s.box.x1 < 545 for s in paragraph.spans)
    # set in 10 points from 50 mm down, in lines of 5 mm
    assert left_end([page], "Fishing") == pytest.approx((314.6, 144), abs=3)


def test_what_the_crop_box_cuts_off_moves_the_words(parser: Parser, tmp_path: Path) -> None:
    (page,) = parser.read(pdfs.cropped(tmp_path / "a.pdf", left=30, top=22))
    assert (page.width, page.height) == pytest.approx((565.3, 719.9), abs=0.1)
    assert left_end([page], "Fishing") == pytest.approx((284.6, 122), abs=3)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_page_is_read_as_it_is_shown(parser: Parser, tmp_path: Path, degrees: int) -> None:
    (page,) = parser.read(pdfs.turned(tmp_path / "a.pdf", degrees))
    assert (page.width, page.height) == pytest.approx((595.3, 841.9), abs=0.1)
    assert texts([page], "paragraph") == [pdfs.LEFT, pdfs.RIGHT]
    assert left_end([page], "Fishing") == pytest.approx((314.6, 144), abs=3)


def test_what_a_form_draws_stands_where_it_is_shown(parser: Parser, tmp_path: Path) -> None:
    pages = parser.read(pdfs.in_a_form(tmp_path / "a.pdf"))
    assert texts(pages, "paragraph") == [pdfs.LEFT, pdfs.RIGHT]
    assert left_end(pages, "Fishing") == pytest.approx((329.6, 144), abs=3)


def test_words_follow_each_other_where_the_font_changes(parser: Parser, tmp_path: Path) -> None:
    (block,) = blocks(parser.read(pdfs.two_fonts(tmp_path / "a.pdf")))
    assert block.text == " ".join(pdfs.TWO_FONTS)
    ends = [0.0, *(span.box.x1 for span in block.spans)]
    gaps = [span.box.x0 - end for span, end in zip(block.spans, ends, strict=False)]
    assert all(1 < gap < 6 for gap in gaps[1:])


def test_a_page_that_is_packed_oddly_is_read(parser: Parser, tmp_path: Path) -> None:
    pages = parser.read(pdfs.gzipped(tmp_path / "a.pdf"))
    assert [texts([page], "paragraph") for page in pages] == [
        [pdfs.LEFT],
        [pdfs.RIGHT],
        [pdfs.LEFT],
    ]
    assert {span.box.page for span in pages[1].blocks[0].spans} == {2}


def test_pages_are_called_what_the_file_calls_them(parser: Parser, tmp_path: Path) -> None:
    assert [p.label for p in parser.read(pdfs.labelled(tmp_path / "a.pdf"))] == [
        "i",
        "ii",
        "1",
        "2",
    ]
    plain = parser.read(pdfs.with_running_heads(tmp_path / "b.pdf"))
    assert [p.label for p in plain] == ["1", "2", "3", "4"]


def test_the_outline_tells_what_is_a_heading_and_how_deep(parser: Parser, tmp_path: Path) -> None:
    pages = parser.read(pdfs.with_outline(tmp_path / "a.pdf"))
    found = [(page.number, b.text, b.level) for page in pages for b in blocks([page], "heading")]
    assert found == [
        (number, f"{number}. {name}", level + 1)
        for number, (name, level) in enumerate(pdfs.SECTIONS, 1)
    ]
    assert "Free salt on Tuesdays" in texts(pages, "paragraph")


def test_a_file_that_only_its_owner_may_change_is_read(parser: Parser, tmp_path: Path) -> None:
    assert "Open to All" in texts(parser.read(pdfs.owned(tmp_path / "a.pdf")))


def _empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _web_page(path: Path) -> Path:
    path.write_text("<html>not found</html>")
    return path


def _only_a_head(path: Path) -> Path:
    path.write_bytes(b"%PDF-1.7\n%nothing follows\n")
    return path


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (pdfs.encrypted, "password"),
        (pdfs.image_only, "scanned"),
        (pdfs.damaged, "damaged"),
        (_empty, "empty"),
        (_web_page, "not a PDF"),
        (_only_a_head, "could not be read"),
        (lambda path: path, "could not be opened"),
    ],
    ids=["locked", "scanned", "damaged", "empty", "web page", "head", "missing"],
)
def test_what_cannot_be_read_is_refused_by_name(
    parser: Parser, tmp_path: Path, build: Build, says: str
) -> None:
    with pytest.raises(ReadingError, match=says) as caught:
        parser.read(build(tmp_path / "thesis.pdf"))
    message = str(caught.value)
    assert message.startswith("thesis.pdf ")
    assert message.endswith(".")
    assert "\n" not in message
