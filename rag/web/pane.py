"""The page pane as HTML: one page of a reading, the quote boxed on it, and the page's text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote_plus, urlencode

from markupsafe import Markup

from rag.engine import Engine
from rag.types import Block, Box, Page, Reading
from rag.web.links import Found, Place, look_up
from rag.web.markup import fill, joined, on_a_line
from rag.web.shelf import Shelf

_AROUND = 1.0  # points between a quote's words and their box
_LONGEST_QUOTE = 1200

_HEAD = """<header class="pane-head">
<h2 id="pane-title" tabindex="-1">{title}</h2>
<p class="where">{where}</p>
<div class="tools" role="toolbar" aria-label="Page">
<button data-place="{before}" data-go="previous" aria-label="Previous page"{first}>Previous</button>
<span class="folio">Page {page} of {pages}</span>
<button data-place="{after}" data-go="next" aria-label="Next page"{last}>Next</button>
<button data-zoom="-1" aria-label="Smaller">−</button>
<button data-zoom="1" aria-label="Larger">+</button>
<button data-copy-link="{link}">Copy link</button>
<a href="{pdf}" target="_blank" rel="noopener">PDF</a>
</div></header>"""
_SHEET = """<div class="desk" tabindex="0" role="region" aria-label="Picture of the page">
<div class="sheet" style="aspect-ratio:{width:.2f}/{height:.2f}">
<img data-src="{source}" alt="{alt}" width="{width:.0f}" height="{height:.0f}">{boxes}</div></div>"""
_BOX = (
    '<span class="mark" style="left:{left:.3f}%;top:{top:.3f}%;'
    'width:{width:.3f}%;height:{height:.3f}%"></span>'
)
_TEXT = '<details class="page-text"><summary>Text of this page</summary>{blocks}</details>'


def pane(engine: Engine, shelf: Shelf, place: Place) -> Markup:
    """The pane's content for a place. Raises ReadingError for a reading or page there is not."""
    reading = shelf.reading(place.reading_id)
    contents = shelf.contents(place.reading_id)
    page = engine.page(place.reading_id, place.page)
    found = look_up(place, engine)
    boxes = [box for box in found.boxes if box.page == page.number] if found else []
    way = found.chunk.window.section if found and boxes else (contents.section_at(page.number),)
    head = fill(
        _HEAD,
        title=reading.full_title,
        where=" › ".join(part for part in way if part) or "Beginning of the reading",
        before=place.at(page.number - 1).query,
        after=place.at(page.number + 1).query,
        first=Markup(" disabled") if page.number <= 1 else "",
        last=Markup(" disabled") if page.number >= contents.pages else "",
        page=page.number,
        pages=contents.pages,
        link=place.query,
        pdf=pdf_link(reading, page.number),
    )
    return joined(
        [head, _quote(place, found, boxes), _sheet(reading, page, boxes), _text(page, boxes)]
    )


def pdf_link(reading: Reading, page: int) -> str:
    """Our own address of a reading's PDF, opened at a page."""
    return f"room/pdf?reading={quote_plus(reading.reading_id)}#page={page}"


def picture_link(reading: Reading, page: int) -> str:
    """Our own address of a page's picture, which wants a width in pixels (``&w=``)."""
    fields = {"reading": reading.reading_id, "page": page, "v": reading.sha256[:12]}
    return "room/page.png?" + urlencode(fields)


def _quote(place: Place, found: Found | None, here: Sequence[Box]) -> Markup:
    """The quoted words; where they stand if not on this page; or that they are gone."""
    if found is None:
        gone = "The words of this link are no longer in the reading; the page is shown without."
        return fill('<p class="note">{said}</p>', said=gone) if place.quoted else Markup()
    quote = fill("<blockquote>{text}</blockquote>", text=on_a_line(found.text, _LONGEST_QUOTE))
    pages = sorted({box.page for box in found.boxes})
    if here and len(pages) == 1:
        return quote
    ways = (
        fill(
            '<button class="link" data-place="{place}">page {page}</button>',
            place=place.at(page).query,
            page=page,
        )
        for page in pages
        if page != place.page
    )
    say: Markup = fill(
        '<p class="note">{said} {ways}</p>',
        said="The quote goes on on" if here else "The quote stands on",
        ways=joined(ways, ", "),
    )
    return quote + say


def _sheet(reading: Reading, page: Page, boxes: Sequence[Box]) -> Markup:
    alt = f"{reading.title}, page {page.number}" + (", the quote marked" if boxes else "")
    return fill(
        _SHEET,
        width=page.width,
        height=page.height,
        source=picture_link(reading, page.number),
        alt=alt,
        boxes=joined(_box(box, page) for box in boxes),
    )


def _box(box: Box, page: Page) -> Markup:
    left, top = box.x0 - _AROUND, box.y0 - _AROUND / 2
    return fill(
        _BOX,
        left=100 * left / page.width,
        top=100 * top / page.height,
        width=100 * (box.x1 + _AROUND - left) / page.width,
        height=100 * (box.y1 + _AROUND / 2 - top) / page.height,
    )


def _text(page: Page, boxes: Sequence[Box]) -> Markup:
    """The page's text in reading order, the quote marked by where its words stand."""
    blocks = joined(_block(block, boxes) for block in page.blocks)
    return fill(_TEXT, blocks=blocks or Markup("<p>No text could be read on this page.</p>"))


def _block(block: Block, boxes: Sequence[Box]) -> Markup:
    text = joined(_marked(block, boxes))
    if block.kind in {"heading", "title"}:
        return fill("<h3>{text}</h3>", text=text)
    return fill("<p>{text}</p>", text=text)


def _marked(block: Block, boxes: Sequence[Box]) -> Iterator[Markup]:
    """The block's text, runs of quoted words within mark elements."""
    at = 0
    for start, end in _runs(block, boxes):
        yield fill("{text}", text=block.text[at:start])
        yield fill("<mark>{text}</mark>", text=block.text[start:end])
        at = end
    yield fill("{text}", text=block.text[at:])


def _runs(block: Block, boxes: Sequence[Box]) -> Iterable[tuple[int, int]]:
    """The (start, end) of words that follow each other and stand in the boxes."""
    runs: list[tuple[int, int]] = []
    follows = False
    for span in block.spans:
        within = any(_holds(box, span.box) for box in boxes)
        if within and follows:
            runs[-1] = (runs[-1][0], span.end)
        elif within:
            runs.append((span.start, span.end))
        follows = within
    return runs


def _holds(box: Box, word: Box) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return box.page == word.page and box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1
