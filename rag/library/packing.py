"""``chunks.sqlite``: its tables, and pages, windows and chunks packed into their rows and unpacked.

Text stays text, so that any SQLite shell can read it; positions are whole numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice, starmap
from pathlib import Path
from typing import Any

from rag.types import Block, BlockKind, Cell, Cells, Chunk, Page, Reading, Spans, Window

CHUNKS = "chunks.sqlite"
TABLES = """
CREATE TABLE page (
    reading_id TEXT, number INTEGER, label TEXT, width REAL, height REAL, blocks TEXT, spans BLOB,
    hidden INTEGER, layer INTEGER, PRIMARY KEY (reading_id, number)
) WITHOUT ROWID;
CREATE TABLE window (
    window_id TEXT PRIMARY KEY, reading_id TEXT, section TEXT, kind TEXT, text TEXT, cells TEXT,
    spans BLOB
);
CREATE TABLE chunk (
    row INTEGER PRIMARY KEY, chunk_id TEXT UNIQUE, reading_id TEXT, window_id TEXT,
    first INTEGER, last INTEGER, context TEXT, searched TEXT
);
CREATE INDEX chunk_window ON chunk (window_id);
"""
SELECT_PAGE = "SELECT number, label, width, height, blocks, spans, hidden, layer FROM page"
SELECT_CHUNK = (
    "SELECT row, chunk_id, chunk.reading_id, window_id, section, kind, text, cells, spans,"
    " first, last, context FROM chunk JOIN window USING (window_id)"
)
SELECT_PLACE = (
    "SELECT row, window_id, first, last, length(context), length(searched) - last + first"
    " FROM chunk WHERE window_id IN (SELECT value FROM json_each(?)) ORDER BY row"
)
INSERT_PAGE = "INSERT INTO page VALUES (?,?,?,?,?,?,?,?,?)"
INSERT_WINDOW = "INSERT INTO window VALUES (?,?,?,?,?,?,?)"
INSERT_CHUNK = "INSERT INTO chunk VALUES (?,?,?,?,?,?,?,?)"
# These copy from the earlier build's database, attached as ``old``.
COPY_PAGES = "INSERT INTO page SELECT * FROM old.page WHERE reading_id = ?"
COPY_WINDOWS = "INSERT INTO window SELECT * FROM old.window WHERE reading_id = ?"
COPY_CHUNKS = (
    "INSERT INTO chunk SELECT row + ?, chunk_id, reading_id, window_id, first, last, context,"
    " searched FROM old.chunk WHERE row >= ? AND row < ?"
)


def read_only(database: Path) -> str:
    """SQLite's address of a database that nobody writes to any more."""
    return f"{database.absolute().as_uri()}?mode=ro&immutable=1"


def pack_page(reading: Reading, page: Page) -> tuple[Any, ...]:
    """A row of the table page. Raises UnicodeEncodeError for half characters."""
    blocks = [
        [b.kind, b.text, len(b.spans), b.level, b.group, _pack_cells(b.cells)] for b in page.blocks
    ]
    text = json.dumps(blocks, ensure_ascii=False)
    _refuse_half_characters(reading.reading_id, page.label, text)
    spans = Spans.of(span for block in page.blocks for span in block.spans)
    size = float(page.width), float(page.height)
    unseen = page.hidden, page.layer
    return reading.reading_id, page.number, page.label, *size, text, spans.packed, *unseen


def unpack_page(values: tuple[Any, ...]) -> Page:
    """The page of a row that ``SELECT_PAGE`` gave."""
    number, label, width, height, blocks, packed, *unseen = values
    spans = iter(Spans(packed))
    return Page(
        number,
        label,
        width,
        height,
        tuple(
            Block(kind, text, tuple(islice(spans, count)), level, group, _unpack_cells(cells))
            for kind, text, count, level, group, cells in json.loads(blocks)
        ),
        *unseen,
    )


def pack_window(reading: Reading, window: Window) -> tuple[Any, ...]:
    """A row of the table window. Raises UnicodeEncodeError, as above."""
    section = json.dumps(window.section, ensure_ascii=False)
    texts = section, window.kind, window.text, window.cells.packed
    _refuse_half_characters(reading.reading_id, *texts)
    return window.window_id, reading.reading_id, *texts, window.spans.packed


def pack_chunk(reading: Reading, chunk: Chunk, searched: str) -> tuple[Any, ...]:
    """A row of the table chunk, without its number. Raises UnicodeEncodeError, as above."""
    _refuse_half_characters(chunk.context, searched)
    place = chunk.window.window_id, chunk.start, chunk.end
    return chunk.chunk_id, reading.reading_id, *place, chunk.context, searched


def unpack_chunk(
    values: tuple[Any, ...], readings: Mapping[str, Reading], windows: dict[str, Window]
) -> Chunk:
    """The chunk, with its window, of a row that ``SELECT_CHUNK`` gave; ``readings`` are by id.

    Its window is taken from ``windows``, by id, or put there.
    """
    _, chunk_id, reading_id, window_id, *parts, first, last, context = values
    if window_id not in windows:
        windows[window_id] = _unpack_window(window_id, *parts)
    return Chunk(chunk_id, readings[reading_id], windows[window_id], first, last, context)


def _unpack_window(
    window_id: str, section: str, kind: BlockKind, text: str, cells: str, spans: bytes
) -> Window:
    return Window(window_id, tuple(json.loads(section)), kind, text, Spans(spans), Cells(cells))


def _refuse_half_characters(*texts: str) -> None:
    """Raise UnicodeEncodeError for lone surrogates, which strange PDFs yield and no file takes."""
    "".join(texts).encode()


def _pack_cells(cells: Iterable[Cell]) -> list[list[int | str]]:
    return [[cell.start, cell.end, cell.head] for cell in cells]


def _unpack_cells(packed: Iterable[tuple[int, int, str]]) -> tuple[Cell, ...]:
    return tuple(starmap(Cell, packed))
