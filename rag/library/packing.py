"""``chunks.sqlite``: its tables, and pages and chunks packed into their rows and unpacked.

Text stays text, so that any SQLite shell can read it; positions are whole numbers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from rag.types import Block, Box, Cell, Chunk, Page, Reading, Span

CHUNKS = "chunks.sqlite"
TABLES = """
CREATE TABLE page (
    reading_id TEXT, number INTEGER, label TEXT, width REAL, height REAL, blocks TEXT, spans BLOB,
    PRIMARY KEY (reading_id, number)
) WITHOUT ROWID;
CREATE TABLE chunk (
    row INTEGER PRIMARY KEY, chunk_id TEXT UNIQUE, reading_id TEXT, section TEXT, kind TEXT,
    text TEXT, context TEXT, searched TEXT, cells TEXT, spans BLOB
);
"""
SELECT_PAGE = "SELECT number, label, width, height, blocks, spans FROM page"
SELECT_CHUNK = (
    "SELECT row, chunk_id, reading_id, section, kind, text, context, cells, spans FROM chunk"
)
INSERT_PAGE = "INSERT INTO page VALUES (?,?,?,?,?,?,?)"
INSERT_CHUNK = "INSERT INTO chunk VALUES (?,?,?,?,?,?,?,?,?,?)"
# Both copy from the earlier build's database, attached as ``old``.
COPY_PAGES = "INSERT INTO page SELECT * FROM old.page WHERE reading_id = ?"
COPY_CHUNKS = (
    "INSERT INTO chunk SELECT row + ?, chunk_id, reading_id, section, kind, text, context,"
    " searched, cells, spans FROM old.chunk WHERE row >= ? AND row < ?"
)
_SPAN = struct.Struct("<7i")


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
    spans = _pack_spans(span for block in page.blocks for span in block.spans)
    size = float(page.width), float(page.height)
    return reading.reading_id, page.number, page.label, *size, text, spans


def unpack_page(values: tuple[Any, ...]) -> Page:
    """The page of a row that ``SELECT_PAGE`` gave."""
    number, label, width, height, blocks, packed = values
    spans = iter(unpack_spans(packed))
    return Page(
        number,
        label,
        width,
        height,
        tuple(
            Block(kind, text, tuple(islice(spans, count)), level, group, _unpack_cells(cells))
            for kind, text, count, level, group, cells in json.loads(blocks)
        ),
    )


def pack_chunk(reading: Reading, chunk: Chunk, searched: str) -> tuple[Any, ...]:
    """A row of the table chunk, without its number. Raises UnicodeEncodeError, as above."""
    section = json.dumps(chunk.section, ensure_ascii=False)
    cells = json.dumps(_pack_cells(chunk.cells), ensure_ascii=False)
    texts = section, chunk.kind, chunk.text, chunk.context, searched, cells
    _refuse_half_characters(reading.reading_id, *texts)
    return chunk.chunk_id, reading.reading_id, *texts, _pack_spans(chunk.spans)


def unpack_chunk(
    values: tuple[Any, ...],
    readings: Mapping[str, Reading],
    spans_of: Callable[[bytes], tuple[Span, ...]],
) -> Chunk:
    """The chunk of a row that ``SELECT_CHUNK`` gave.

    ``readings`` are by id; ``spans_of`` is ``unpack_spans``, or remembers what that returned.
    """
    _, chunk_id, reading_id, section, kind, text, context, cells, spans = values
    return Chunk(
        chunk_id,
        readings[reading_id],
        tuple(json.loads(section)),
        kind,
        text,
        context,
        spans_of(spans),
        _unpack_cells(json.loads(cells)),
    )


def _refuse_half_characters(*texts: str) -> None:
    """Raise UnicodeEncodeError for lone surrogates, which strange PDFs yield and no file takes."""
    "".join(texts).encode()


def _pack_spans(spans: Iterable[Span]) -> bytes:
    """Each span as seven 32-bit numbers: start, end, page, and the box in hundredths of a point.

    Coordinates of at most two decimals come back exactly as they were; others come back rounded.
    """
    return b"".join(
        _SPAN.pack(
            span.start,
            span.end,
            span.box.page,
            *(round(x * 100) for x in (span.box.x0, span.box.y0, span.box.x1, span.box.y1)),
        )
        for span in spans
    )


def unpack_spans(packed: bytes) -> tuple[Span, ...]:
    """The spans again, in the order in which they were packed."""
    return tuple(
        Span(start, end, Box(page, x0 / 100, y0 / 100, x1 / 100, y1 / 100))
        for start, end, page, x0, y0, x1, y1 in _SPAN.iter_unpack(packed)
    )


def _pack_cells(cells: Iterable[Cell]) -> list[list[int | str]]:
    return [[cell.start, cell.end, cell.head] for cell in cells]


def _unpack_cells(packed: Iterable[tuple[int, int, str]]) -> tuple[Cell, ...]:
    return tuple(Cell(start, end, head) for start, end, head in packed)
