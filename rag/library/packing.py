"""The rows of ``chunks.sqlite``: pages and chunks, packed and unpacked.

Text stays text, so that any SQLite shell can read it; positions are whole numbers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from itertools import islice
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
SELECT_CHUNK = (
    "SELECT row, chunk_id, reading_id, section, kind, text, context, cells, spans FROM chunk"
)
_SPAN = struct.Struct("<7i")


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
    """The page of a row of the table page, given without the reading's id."""
    number, label, width, height, blocks, packed = values
    spans = iter(unpack_spans(packed))
    return Page(
        number,
        label,
        width,
        height,
        tuple(
            Block(kind, text, tuple(islice(spans, count)), level, group, unpack_cells(cells))
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


def unpack_cells(packed: Iterable[tuple[int, int, str]]) -> tuple[Cell, ...]:
    """The cells again, left to right."""
    return tuple(Cell(start, end, head) for start, end, head in packed)
