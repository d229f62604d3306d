"""A reading's way into the index: read, cut and embedded, or copied from the earlier build."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rag.embedded import Embedded
from rag.errors import IndexFailure, ReadingError
from rag.library.health import ReadingHealth, examine
from rag.library.index import Index
from rag.library.manifest import LeftOut
from rag.library.packing import (
    CHUNKS,
    COPY_CHUNKS,
    COPY_PAGES,
    COPY_WINDOWS,
    INSERT_CHUNK,
    INSERT_PAGE,
    INSERT_WINDOW,
    pack_chunk,
    pack_page,
    pack_window,
    read_only,
)
from rag.library.recipe import Parts, Recipe
from rag.protocols import Embedder, Progress
from rag.types import Reading

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A reading that was read and cut, packed as the tables hold it (chunks without their row)."""

    reading: Reading
    pages: list[tuple[Any, ...]]
    windows: list[tuple[Any, ...]]
    chunks: list[tuple[Any, ...]]
    texts: list[str]
    health: ReadingHealth


@dataclass(frozen=True, slots=True)
class Reread:
    """A reading that was read again, packed as before, and embedded."""

    reading: Reading
    health: ReadingHealth
    embedded: Embedded
    pages: list[tuple[Any, ...]]
    windows: list[tuple[Any, ...]]
    chunks: list[tuple[Any, ...]]

    def insert(self, db: sqlite3.Connection, first: int) -> None:
        """Write its pages, and its chunks from row ``first`` on."""
        db.executemany(INSERT_PAGE, self.pages)
        db.executemany(INSERT_WINDOW, self.windows)
        rows = ((row, *values) for row, values in enumerate(self.chunks, first))
        db.executemany(INSERT_CHUNK, rows)


@dataclass(frozen=True, slots=True)
class Reused:
    """A reading copied from the earlier build's ``rows``."""

    reading: Reading
    health: ReadingHealth
    embedded: Embedded
    database: Path
    rows: range

    def insert(self, db: sqlite3.Connection, first: int) -> None:
        """Copy its pages, and its chunks to row ``first`` and on."""
        db.execute("ATTACH ? AS old", (read_only(self.database),))
        db.execute(COPY_PAGES, (self.reading.reading_id,))
        db.execute(COPY_WINDOWS, (self.reading.reading_id,))
        rows = first - self.rows.start, self.rows.start, self.rows.stop
        db.execute(COPY_CHUNKS, rows)
        db.commit()
        db.execute("DETACH old")


def read_all(
    readings: Sequence[Reading], parts: Parts, progress: Progress
) -> tuple[list[Parsed], list[LeftOut]]:
    """Every reading read and cut, and those that could not be, each in the order given."""
    parsed: list[Parsed] = []
    left_out: list[LeftOut] = []
    for done, reading in enumerate(readings):
        progress("parse", done, len(readings))
        outcome = _read(reading, parts)
        if isinstance(outcome, Parsed):
            parsed.append(outcome)
        else:
            left_out.append(outcome)
    if readings:
        progress("parse", len(readings), len(readings))
    return parsed, left_out


def _read(reading: Reading, parts: Parts) -> Parsed | LeftOut:
    """One reading read and cut, or why it cannot be: one bad PDF never stops a build."""
    try:
        pages = parts.parse(reading)
        chunks = parts.chunk(reading, pages)
        if not chunks:
            raise ReadingError(
                f"there is no text on any of its {len(pages)} pages: "
                "a scan without a text layer, or a damaged file"
            )
        texts = [parts.search_text(chunk) for chunk in chunks]
        packed = [
            pack_chunk(reading, chunk, text) for chunk, text in zip(chunks, texts, strict=True)
        ]
        windows = {chunk.window.window_id: chunk.window for chunk in chunks}
        return Parsed(
            reading,
            [pack_page(reading, page) for page in pages],
            [pack_window(reading, window) for window in windows.values()],
            packed,
            texts,
            examine(reading, pages, chunks),
        )
    except ReadingError as error:
        return LeftOut(reading, str(error))
    except Exception as error:
        # Whatever a parser trips over in a strange file is that file's trouble, not the others'.
        _log.info("%s could not be read", reading.path, exc_info=True)
        return LeftOut(reading, f"{type(error).__name__} while reading it: {error}")


def embed(
    fresh: Sequence[Parsed], recipe: Recipe, parts: Parts, progress: Progress
) -> dict[str, Reread]:
    """The readings embedded, by id. All texts go to the embedder in one call."""
    if not fresh:
        return {}
    embedder = parts.embedder()
    texts = [text for parsed in fresh for text in parsed.texts]
    tokens = embedder.count_tokens(texts)
    _refuse_overlong(fresh, tokens, embedder)
    progress("embed", 0, len(texts))
    every = embedder.embed_documents(texts, lambda done: progress("embed", done, len(texts)))
    if every.vectors.shape != (len(texts), recipe.dim) or not np.isfinite(every.vectors).all():
        raise IndexFailure(
            f"The embedder {embedder.name} returned vectors of shape {every.vectors.shape} for "
            f"{len(texts)} texts where finite ones of {recipe.dim} numbers are wanted: this is a "
            "fault of the embedder, choose another one with RAG_EMBEDDER."
        )
    reread, first = {}, 0
    for parsed in fresh:
        last = first + len(parsed.texts)
        health = replace(parsed.health, longest_chunk_tokens=max(tokens[first:last]))
        reread[parsed.reading.reading_id] = Reread(
            parsed.reading,
            health,
            every.part(first, last),
            parsed.pages,
            parsed.windows,
            parsed.chunks,
        )
        first = last
    return reread


def _refuse_overlong(fresh: Sequence[Parsed], tokens: Sequence[int], embedder: Embedder) -> None:
    """Raise IndexFailure for a text the embedder would cut: its end could never be found."""
    ids = [(p.reading.reading_id, chunk_id) for p in fresh for chunk_id, *_ in p.chunks]
    for (reading_id, chunk_id), count in zip(ids, tokens, strict=True):
        if count > embedder.max_tokens:
            raise IndexFailure(
                f"The chunk {chunk_id} of {reading_id} has {count} word pieces and the embedder "
                f"{embedder.name} reads {embedder.max_tokens}. This is a fault of the chunker and "
                "not of the reading: please report it with this sentence."
            )


def reuse(old: Index, reading: Reading) -> Reused:
    """A reading as the earlier build holds it, with what is said of it now."""
    rows = old.rows_of(frozenset({reading.reading_id}))
    health = next(h for h in old.health() if h.reading_id == reading.reading_id)
    span = range(int(rows[0]), int(rows[-1]) + 1)
    embedded = old.embedded().part(span.start, span.stop)
    return Reused(reading, health, embedded, old.folder / CHUNKS, span)
