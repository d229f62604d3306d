"""Coverage as HTML: a file that needs nothing else, made of parts that the page shows too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rag import hypertext
from rag.coverage_report import LEGEND, SIGNS, counted, quote, told, why
from rag.covering import Cell, Row, Table
from rag.gaps import Gap
from rag.heat_map import Tile, heat_map
from rag.types import Passage

PageLink = Callable[[Passage, int], str]
"""Where one of a passage's pages is to be seen with its words marked; "" for nowhere."""

STYLE = """
.heat svg { max-width: none; height: auto; } .heat use { pointer-events: none; }
td.covered, td.mentioned { text-align: center; } td.covered { background: var(--band); }
td a.verdict { display: block; text-decoration: none; } blockquote { margin: .3rem 0 .6rem;
  padding-left: .8rem; border-left: 3px solid var(--rule); overflow-wrap: anywhere; }
tbody th { white-space: normal; min-width: 16rem; }
thead th { white-space: normal; min-width: 7rem; vertical-align: bottom; }
.why { color: var(--quiet); font-size: .9em; }
article:target { outline: 2px solid var(--mark); outline-offset: .4rem; }
@media print { a { color: inherit; } .heat svg { max-width: 100%; } table { font-size: .55em; }
  tbody th { min-width: 8rem; } thead th { min-width: 2rem; } td a { white-space: normal; } }
"""
_STRENGTH = {"covered": 1.0, "mentioned": 0.5, "absent": 0.0}


def nowhere(passage: Passage, page: int) -> str:
    """The link of a file that is read without the program: none."""
    return ""


def as_page(table: Table, gaps: Sequence[Gap], date: str) -> str:
    """The whole file."""
    title = "Reading Room: topics and readings"
    said = hypertext.text(date)
    parts = [
        f"<h1>{hypertext.text(title)}</h1>",
        f'<p><time datetime="{said}">{said}</time></p>',
        *fragments(table, gaps, nowhere),
    ]
    return hypertext.document(title, parts, STYLE)


def fragments(table: Table, gaps: Sequence[Gap], link: PageLink) -> Iterator[str]:
    """The parts of the view, each a piece of HTML: map, table, gaps, then every topic."""
    yield f"<p><strong>{hypertext.text(counted(table))}</strong></p>"
    yield hypertext.section("Map", [_map(table, link)])
    yield hypertext.section("Table", [_legend(), _verdicts(table, link)])
    yield hypertext.section("In one reading only, or in none", list(_gaps(table, gaps)))
    for number, row in enumerate(table.rows):
        cells = [_cell(anchor(number, at), cell, link) for at, cell in enumerate(row.cells)]
        yield hypertext.section(row.topic.text, cells)


def anchor(row: int, column: int) -> str:
    """The name of a cell on its page: the numbers of its topic and its reading, from 0."""
    return f"cell-{row}-{column}"


def _map(table: Table, link: PageLink) -> str:
    """A click leads to the best passage's page, or to the cell where no page is to be seen."""
    tiles = [
        [
            Tile(
                _STRENGTH[cell.verdict],
                SIGNS[cell.verdict],
                next(_seen(cell, link), "") or f"#{anchor(number, column)}",
            )
            for column, cell in enumerate(row.cells)
        ]
        for number, row in enumerate(table.rows)
    ]
    rows = [row.topic.text for row in table.rows]
    return heat_map(
        "Topics by readings: a dot for covered, a ring for mentioned",
        rows,
        [reading.reading_id for reading in table.readings],
        tiles,
    )


def _legend() -> str:
    pairs = "".join(
        f"<dt>{SIGNS[name]} {name}</dt><dd>{hypertext.text(said)}</dd>" for name, said in LEGEND
    )
    return f'<dl class="beside">{pairs}</dl>'


def _seen(cell: Cell, link: PageLink) -> Iterator[str]:
    """Where the pages that bear a verdict are to be seen, in the order of ``cell.pages``."""
    for page in cell.pages:
        on_it = (passage for passage in cell.passages if page in passage.chunk.window.pages)
        yield next((link(passage, page) for passage in on_it), "")


def _verdicts(table: Table, link: PageLink) -> str:
    body = [_row(number, row, link) for number, row in enumerate(table.rows)]
    heads = ["topic", *(reading.full_title for reading in table.readings)]
    return hypertext.table("Which reading covers which topic, on which pages", heads, body)


def _row(number: int, row: Row, link: PageLink) -> str:
    cells = "".join(
        f'<td class="{cell.verdict}"><a class="verdict" href="#{anchor(number, column)}">'
        f"{SIGNS[cell.verdict]} {cell.verdict}</a>{_pages(cell, link)}</td>"
        for column, cell in enumerate(row.cells)
    )
    return f'<tr><th scope="row">{hypertext.text(row.topic.text)}</th>{cells}</tr>'


def _pages(cell: Cell, link: PageLink) -> str:
    pairs = zip(cell.pages, _seen(cell, link), strict=True)
    return f" p. {', '.join(_page_link(page, to) for page, to in pairs)}" if cell.pages else ""


def _gaps(table: Table, gaps: Sequence[Gap]) -> Iterator[str]:
    only = {row.topic: row.covering for row in table.rows}
    if not gaps:
        yield "<p>Every topic is covered by two readings or more.</p>"
    for gap in gaps:
        where = f"only in {only[gap.topic][0].full_title}" if only[gap.topic] else "in no reading"
        lines = "".join(f"<li>{hypertext.text(line)}</li>" for line in told(gap))
        yield (
            f"<article><h3>{hypertext.text(gap.topic.text)}</h3>"
            f"<p>{hypertext.text(where)}</p><ul>{lines}</ul></article>"
        )


def _cell(name: str, cell: Cell, link: PageLink) -> str:
    head = f"{SIGNS[cell.verdict]} {cell.reading.full_title}: {cell.verdict}"
    passages = "".join(_passage(passage, link) for passage in cell.passages)
    return (
        f'<article id="{name}"><h3>{hypertext.text(head)}</h3>'
        f'<p class="why">{hypertext.text(why(cell))}</p>{passages}</article>'
    )


def _passage(passage: Passage, link: PageLink) -> str:
    window = passage.chunk.window
    pages = ", ".join(_page_link(page, link(passage, page)) for page in window.pages)
    section = hypertext.text(" > ".join(window.section))
    said = hypertext.text(quote(passage))
    return f"<blockquote>{said} <cite>(p. {pages}; {section})</cite></blockquote>"


def _page_link(page: int, address: str) -> str:
    return f'<a href="{hypertext.text(address)}">{page}</a>' if address else str(page)
