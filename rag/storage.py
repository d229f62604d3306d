"""The index on disk: what was read, cut and embedded, so that it is done once.

A build is a folder that is complete before anything points to it, and is never changed after:

    current              the name of the build in use, swapped in one step
    builds/<name>/       named by a hash of what it was made from
        manifest.json    recipe, readings, their health, and the size and hash of every file
        chunks.sqlite    pages, and chunks by row
        vectors.npy      the embeddings: row i belongs to chunk i
        …                what the vector store and the word index write
    lock, holder         who builds at the moment

A build that dies at any point leaves the index as it was. The build before the one in use stays
until the next, so that a reader that was opening it can go on.

``vectors.npy`` stands beside the vector store's own files, which may be rounded, compressed or on
another machine: what is reused in the next build has to be exact.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import socket
import sqlite3
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import IndexFailure, IndexMissing, IndexStale, ReadingError
from rag.protocols import Embedder, Progress, Rows, Vectors, VectorStore
from rag.types import Block, Box, Cell, Chunk, Page, Reading, ReadingKind, Span

SCHEMA = 1
"""The layout described above. An index of another schema is built anew."""

PATIENCE = 60.0
"""Seconds a builder waits for another one to finish."""

_NAME = re.compile("[0-9a-f]{16}")
_CHUNKS = "chunks.sqlite"
_VECTORS = "vectors.npy"
_MANIFEST = "manifest.json"
_TABLES = """
CREATE TABLE page (
    reading_id TEXT, number INTEGER, label TEXT, width REAL, height REAL, blocks TEXT, spans BLOB,
    PRIMARY KEY (reading_id, number)
) WITHOUT ROWID;
CREATE TABLE chunk (
    row INTEGER PRIMARY KEY, chunk_id TEXT UNIQUE, reading_id TEXT, section TEXT, kind TEXT,
    text TEXT, context TEXT, searched TEXT, cells TEXT, spans BLOB
);
"""
_CHUNK = "SELECT row, chunk_id, reading_id, section, kind, text, context, cells, spans FROM chunk"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what an index holds besides the readings.

    An index may be used only with the recipe it was made by: ``parser`` (name and version),
    ``embedder`` (name) with ``dim`` and ``fingerprint`` (hash of the weights), ``chunker``
    (version and settings), ``store`` (name) and ``lexical`` (name and version).
    """

    parser: str
    embedder: str
    dim: int
    fingerprint: str
    chunker: str
    store: str
    lexical: str

    def differences(self, other: Recipe) -> list[str]:
        """Each field that differs, as "embedder minilm, now bge"."""
        pairs = [(f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return [f"{name} {mine}, now {theirs}" for name, mine, theirs in pairs if mine != theirs]


@dataclass(frozen=True, slots=True)
class ReadingHealth:
    """How well one reading could be read.

    ``pages`` is their number, ``empty_pages`` the numbers of those without text, ``blocks`` is
    (kind, how many). ``longest_chunk_tokens`` counts word pieces of the searched text, special
    tokens included. ``problems`` are sentences for people, none if all is well.
    """

    reading_id: str
    title: str
    kind: ReadingKind
    pages: int
    empty_pages: tuple[int, ...]
    blocks: tuple[tuple[str, int], ...]
    chunks: int
    longest_chunk_tokens: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a build is made with.

    ``embedder`` and ``new_store`` are called only when there is something to embed or to write,
    so that an unchanged index loads no model. ``search_text`` is what of a chunk is embedded.
    ``write_lexical`` receives all search texts in the order of rows and writes into the folder.
    """

    parse: Callable[[Reading], Sequence[Page]]
    chunk: Callable[[Reading, Sequence[Page]], Sequence[Chunk]]
    search_text: Callable[[Chunk], str]
    embedder: Callable[[], Embedder]
    new_store: Callable[[], VectorStore]
    write_lexical: Callable[[Sequence[str], Path], None]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    ``folder`` is the index's. ``left_out`` is (reading id, why). ``reused`` and ``rebuilt`` are
    the ids of the readings that were copied and that were read again. ``seconds`` are (stage,
    wall seconds). ``unchanged`` says that nothing was written.
    """

    folder: Path
    readings: tuple[Reading, ...]
    left_out: tuple[tuple[str, str], ...]
    reused: tuple[str, ...]
    rebuilt: tuple[str, ...]
    chunks: int
    seconds: tuple[tuple[str, float], ...]
    unchanged: bool


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """A reading that was given and could not be used, and why."""

    reading: Reading
    reason: str


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a build: its path within, its bytes, its hash."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What a build was made from and what it is made of."""

    recipe: Recipe
    readings: tuple[Reading, ...]
    left_out: tuple[_LeftOut, ...]
    health: tuple[ReadingHealth, ...]
    files: tuple[_File, ...]

    @property
    def name(self) -> str:
        """16 hex digits: the same for builds from the same recipe and readings."""
        made_from = asdict(replace(self, health=(), files=()))
        text = json.dumps({"schema": SCHEMA, **made_from}, default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """The readings left out, as (reading id, why)."""
        return tuple((left.reading.reading_id, left.reason) for left in self.left_out)

    def to_text(self) -> str:
        """JSON, for people as well."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, default=str, indent=1)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> _Manifest:
        """The manifest again. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            Recipe(**content["recipe"]),
            tuple(_reading(entry) for entry in content["readings"]),
            tuple(_LeftOut(_reading(x["reading"]), x["reason"]) for x in content["left_out"]),
            tuple(_health(entry) for entry in content["health"]),
            tuple(_File(**entry) for entry in content["files"]),
        )


class Index:
    """An opened build: read-only, lazy, safe to share between threads.

    It goes on working while newer builds replace it.
    """

    def __init__(self, folder: Path, manifest: _Manifest) -> None:
        """Use ``Index.open``. Raises sqlite3.Error for what is no database."""
        self.folder = folder
        self.manifest = manifest
        self.recipe = manifest.recipe
        self.readings = manifest.readings
        self._by_id = {reading.reading_id: reading for reading in self.readings}
        self._rows: dict[str, range] = {}
        for health in manifest.health:
            self._rows[health.reading_id] = range(len(self), len(self) + health.chunks)
        # One connection for all threads: it stays open, so that a thread that comes later still
        # reads this build when its files have been removed.
        uri = f"{(folder / _CHUNKS).absolute().as_uri()}?mode=ro&immutable=1"
        self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        # Popular chunks: unpacking one takes 0.3 ms, and a thousand of them about 30 MB.
        self._unpack = lru_cache(maxsize=1000)(_unpack_spans)

    @classmethod
    def open(cls, folder: Path, recipe: Recipe | None) -> Index:
        """The index in ``folder``; ``recipe`` is what it must have been made by, None for any.

        Reads the manifest and looks at the size of each file; takes about a millisecond.
        Raises IndexMissing, IndexStale for another recipe or schema, IndexFailure for a damaged
        index.
        """
        while True:
            name = _current(folder)
            try:
                return cls._open_build(folder / "builds" / name, recipe)
            except IndexFailure:
                # Two builds may have come and gone since the name was read.
                if _current(folder) == name:
                    raise

    @classmethod
    def _open_build(cls, home: Path, recipe: Recipe | None) -> Index:
        manifest = _load_manifest(home)
        if recipe is not None and (differences := manifest.recipe.differences(recipe)):
            raise IndexStale(
                f"The index in {home.parents[1]} was made by other settings or another version "
                f"({'; '.join(differences)}). Run `python -m rag.index` to build it anew."
            )
        for file in manifest.files:
            if _size(home / file.name) != file.size:
                raise _damaged(home.parents[1], f"{file.name} is missing or not as long as it was")
        try:
            return cls(home, manifest)
        except sqlite3.Error as error:
            raise _damaged(home.parents[1], f"{_CHUNKS}: {error}") from error

    def close(self) -> None:
        """Let go of the files."""
        self._db.close()

    def __len__(self) -> int:
        """The number of chunks, which is the number of vectors."""
        return sum(len(rows) for rows in self._rows.values())

    @property
    def left_out(self) -> tuple[tuple[str, str], ...]:
        """The readings that were given and could not be used, as (reading id, why)."""
        return self.manifest.reasons

    def health(self) -> tuple[ReadingHealth, ...]:
        """How well each reading could be read, in the order of ``readings``."""
        return self.manifest.health

    def chunk(self, row: int) -> Chunk:
        """The chunk whose vector is row ``row``. Raises IndexFailure if there is none."""
        return self.chunks([row])[0]

    def chunks(self, rows: Iterable[int]) -> list[Chunk]:
        """The chunks of these rows, in the order given, in one query."""
        wanted = [int(row) for row in rows]
        found = self._select(
            f"{_CHUNK} WHERE row IN (SELECT value FROM json_each(?))", json.dumps(wanted)
        )
        by_row = {values[0]: self._chunk(values) for values in found}
        try:
            return [by_row[row] for row in wanted]
        except KeyError as error:
            raise _damaged(self.folder.parents[1], f"there is no chunk for row {error}") from None

    def rows_of(self, readings: frozenset[str]) -> Rows:
        """All rows of these readings, ascending. Raises ReadingError for an unknown id."""
        for reading_id in sorted(readings):
            self._known(reading_id)
        ranges = [
            np.arange(rows.start, rows.stop) for i, rows in self._rows.items() if i in readings
        ]
        return np.concatenate([np.empty(0, np.int64), *ranges])

    def find(self, chunk_id: str) -> Chunk | None:
        """The chunk of this id, or None: ids outlive a rebuild, but not a change of the text."""
        found = self._select(f"{_CHUNK} WHERE chunk_id = ?", chunk_id)
        return self._chunk(found[0]) if found else None

    def page(self, reading_id: str, number: int) -> Page:
        """One page with all its blocks. Raises ReadingError for an unknown reading or page."""
        self._known(reading_id)
        found = self._select(
            "SELECT number, label, width, height, blocks, spans FROM page"
            " WHERE reading_id = ? AND number = ?",
            reading_id,
            number,
        )
        if not found:
            count = next(h.pages for h in self.health() if h.reading_id == reading_id)
            raise ReadingError(
                f"{reading_id} has no page {number}: choose one of its {count} pages."
            )
        return _unpack_page(found[0])

    def vectors(self) -> Vectors:
        """All embeddings, mapped from disk: row i belongs to chunk i."""
        try:
            vectors: Vectors = np.load(self.folder / _VECTORS, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder.parents[1], f"{_VECTORS} cannot be read") from error
        return vectors

    def _known(self, reading_id: str) -> None:
        if reading_id not in self._by_id:
            raise ReadingError(
                f"There is no reading {reading_id!r} in the index. "
                f"It holds: {', '.join(sorted(self._by_id))}."
            )

    def _select(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise _damaged(self.folder.parents[1], f"{_CHUNKS}: {error}") from error

    def _chunk(self, values: tuple[Any, ...]) -> Chunk:
        _, chunk_id, reading_id, section, kind, text, context, cells, spans = values
        return Chunk(
            chunk_id,
            self._by_id[reading_id],
            tuple(json.loads(section)),
            kind,
            text,
            context,
            self._unpack(spans),
            _unpack_cells(json.loads(cells)),
        )


# Building: read what is new, embed it, write all into a folder aside, point to it.


def build(
    folder: Path,
    recipe: Recipe,
    readings: Sequence[Reading],
    parts: Parts,
    progress: Progress,
    wait: float = PATIENCE,
) -> BuildReport:
    """Bring the index in ``folder`` to exactly these readings, in this order.

    Readings whose file, id, title and kind are the same are copied from the index that is there
    if it was made by the same recipe, and nothing is written if all are. A reading that cannot be
    read is left out, with the reason, and tried again when something else has changed. ``wait``
    is how many seconds another builder is waited for.

    Raises ReadingError for two readings of one id; IndexFailure if no reading can be used, if
    another builder does not finish in time, or if the index cannot be written. The earlier index
    stays as it was then.
    """
    _refuse_twins(readings)
    with _earlier(folder, recipe) as old:
        if old is not None and _made_from(old, readings):
            return _unchanged(folder, old)
    # Once the lock is there another builder may just have written what is wanted.
    with _lock(folder, wait), _earlier(folder, recipe) as old:
        if old is not None and _made_from(old, readings):
            return _unchanged(folder, old)
        with _writing(folder):
            _remove_leftovers(folder)
        return _rebuild(folder, recipe, readings, parts, progress, old)


def _rebuild(
    folder: Path,
    recipe: Recipe,
    readings: Sequence[Reading],
    parts: Parts,
    progress: Progress,
    old: Index | None,
) -> BuildReport:
    """The stages of a build that has something to do, one after the other."""
    marks = [time.perf_counter()]
    reused = {r.reading_id: _reuse(old, r) for r in readings if old and _same(old, r)}
    new = [reading for reading in readings if reading.reading_id not in reused]
    fresh, left_out = _read_all(new, parts, progress)
    if not reused and not fresh:
        raise IndexFailure(_nothing_usable(folder, left_out))
    marks.append(time.perf_counter())
    embedded = _embed(fresh, recipe, parts, progress)
    marks.append(time.perf_counter())
    entries: dict[str, _Reused | _Embedded] = {**reused, **embedded}
    kept = [entries[r.reading_id] for r in readings if r.reading_id in entries]
    sound, health = tuple(entry.reading for entry in kept), tuple(entry.health for entry in kept)
    manifest = _Manifest(recipe, sound, tuple(left_out), health, files=())
    with _writing(folder):
        _write(folder, manifest, kept, parts, progress)
    marks.append(time.perf_counter())
    seconds = [end - start for start, end in pairwise(marks)]
    return _report(folder, manifest, reused, embedded, seconds)


def _unchanged(folder: Path, old: Index) -> BuildReport:
    return _report(folder, old.manifest, [r.reading_id for r in old.readings], [], [])


def _report(
    folder: Path,
    manifest: _Manifest,
    reused: Iterable[str],
    rebuilt: Iterable[str],
    seconds: Sequence[float],
) -> BuildReport:
    return BuildReport(
        folder,
        manifest.readings,
        manifest.reasons,
        tuple(reused),
        tuple(rebuilt),
        sum(health.chunks for health in manifest.health),
        tuple(zip(("parse", "embed", "write"), seconds, strict=False)),
        unchanged=not seconds,
    )


def _refuse_twins(readings: Sequence[Reading]) -> None:
    """Raise ReadingError where two files claim the same id."""
    seen: dict[str, Reading] = {}
    for reading in readings:
        if twin := seen.get(reading.reading_id):
            raise ReadingError(
                f"{twin.path} and {reading.path} are both the reading {reading.reading_id!r}: "
                "remove or rename one of them."
            )
        seen[reading.reading_id] = reading


def _made_from(old: Index, readings: Sequence[Reading]) -> bool:
    """Whether an index holds, or has left out, exactly these readings in this order."""
    left_out = {left.reading.reading_id: left.reading for left in old.manifest.left_out}
    given = [reading for reading in readings if left_out.get(reading.reading_id) != reading]
    return given == list(old.readings) and len(given) + len(left_out) == len(readings)


def _same(old: Index, reading: Reading) -> bool:
    """Whether an index holds this reading's pages, chunks and vectors."""
    # Author, year, address and place of the file are neither embedded nor part of a chunk's id.
    return any(
        (r.reading_id, r.sha256, r.title, r.kind)
        == (reading.reading_id, reading.sha256, reading.title, reading.kind)
        for r in old.readings
    )


def _nothing_usable(folder: Path, left_out: Sequence[_LeftOut]) -> str:
    if not left_out:
        return (
            f"There is no reading to put into the index in {folder}: "
            "put PDFs into the corpus folder, or set RAG_CORPUS to where they are."
        )
    reasons = "; ".join(f"{left.reading.reading_id}: {left.reason}" for left in left_out)
    return f"None of the readings can be used, so the index in {folder} stays as it was. {reasons}"


# Stage one: read and cut.


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A reading that was read and cut, packed as the tables hold it (chunks without their row)."""

    reading: Reading
    pages: list[tuple[Any, ...]]
    chunks: list[tuple[Any, ...]]
    texts: list[str]
    health: ReadingHealth


def _read_all(
    readings: Sequence[Reading], parts: Parts, progress: Progress
) -> tuple[list[_Parsed], list[_LeftOut]]:
    """Every reading read and cut, and those that could not be, each in the order given."""
    parsed: list[_Parsed] = []
    left_out: list[_LeftOut] = []
    for done, reading in enumerate(readings):
        progress("parse", done, len(readings))
        outcome = _read(reading, parts)
        if isinstance(outcome, _Parsed):
            parsed.append(outcome)
        else:
            left_out.append(outcome)
    if readings:
        progress("parse", len(readings), len(readings))
    return parsed, left_out


def _read(reading: Reading, parts: Parts) -> _Parsed | _LeftOut:
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
            _pack_chunk(reading, chunk, text) for chunk, text in zip(chunks, texts, strict=True)
        ]
        health = _examine(reading, pages, chunks)
        return _Parsed(reading, [_pack_page(reading, p) for p in pages], packed, texts, health)
    except ReadingError as error:
        return _LeftOut(reading, str(error))
    except Exception as error:
        # Whatever a parser trips over in a strange file is that file's trouble, not the others'.
        _log.info("%s could not be read", reading.path, exc_info=True)
        return _LeftOut(reading, f"{type(error).__name__} while reading it: {error}")


def _examine(reading: Reading, pages: Sequence[Page], chunks: Sequence[Chunk]) -> ReadingHealth:
    """How well a reading could be read; its longest chunk is measured when it is embedded."""
    empty = tuple(p.number for p in pages if not any(b.text.strip() for b in p.blocks))
    kinds = Counter(str(block.kind) for page in pages for block in page.blocks)
    adrift = sum(not chunk.spans for chunk in chunks)
    garbled = sum(chunk.text.count("\N{REPLACEMENT CHARACTER}") for chunk in chunks)
    problems = [
        (bool(empty), f"No text on page {', '.join(map(str, empty))}."),
        (not kinds["heading"], "No headings were found, so its passages name no section."),
        (adrift > 0, f"{adrift} of {len(chunks)} passages cannot be marked on their page."),
        (garbled > 0, f"{garbled} characters could not be read."),
    ]
    return ReadingHealth(
        reading_id=reading.reading_id,
        title=reading.title,
        kind=reading.kind,
        pages=len(pages),
        empty_pages=empty,
        blocks=tuple(sorted(kinds.items())),
        chunks=len(chunks),
        longest_chunk_tokens=0,
        problems=tuple(text for holds, text in problems if holds),
    )


# Stage two: embed what is new, take the rest from the earlier build.


@dataclass(frozen=True, slots=True)
class _Embedded:
    """A reading that was read again, with its vectors."""

    parsed: _Parsed
    health: ReadingHealth
    vectors: Vectors

    @property
    def reading(self) -> Reading:
        return self.parsed.reading

    def insert(self, db: sqlite3.Connection, first: int) -> None:
        """Write its pages, and its chunks from row ``first`` on."""
        db.executemany("INSERT INTO page VALUES (?,?,?,?,?,?,?)", self.parsed.pages)
        rows = ((row, *values) for row, values in enumerate(self.parsed.chunks, first))
        db.executemany("INSERT INTO chunk VALUES (?,?,?,?,?,?,?,?,?,?)", rows)


@dataclass(frozen=True, slots=True)
class _Reused:
    """A reading copied from the earlier build's ``rows``."""

    reading: Reading
    health: ReadingHealth
    vectors: Vectors
    database: Path
    rows: range

    def insert(self, db: sqlite3.Connection, first: int) -> None:
        """Copy its pages, and its chunks to row ``first`` and on."""
        uri = f"{self.database.absolute().as_uri()}?mode=ro&immutable=1"
        db.execute("ATTACH ? AS old", (uri,))
        db.execute(
            "INSERT INTO page SELECT * FROM old.page WHERE reading_id = ?",
            (self.reading.reading_id,),
        )
        db.execute(
            "INSERT INTO chunk SELECT row + ?, chunk_id, reading_id, section, kind, text, context,"
            " searched, cells, spans FROM old.chunk WHERE row >= ? AND row < ?",
            (first - self.rows.start, self.rows.start, self.rows.stop),
        )
        db.commit()
        db.execute("DETACH old")


def _reuse(old: Index, reading: Reading) -> _Reused:
    rows = old.rows_of(frozenset({reading.reading_id}))
    health = next(h for h in old.health() if h.reading_id == reading.reading_id)
    span = range(int(rows[0]), int(rows[-1]) + 1)
    vectors = old.vectors()[span.start : span.stop]
    return _Reused(reading, health, vectors, old.folder / _CHUNKS, span)


def _embed(
    fresh: Sequence[_Parsed], recipe: Recipe, parts: Parts, progress: Progress
) -> dict[str, _Embedded]:
    """The readings with their vectors, by id. All texts go to the embedder in one call."""
    if not fresh:
        return {}
    embedder = parts.embedder()
    texts = [text for parsed in fresh for text in parsed.texts]
    tokens = embedder.count_tokens(texts)
    _refuse_overlong(fresh, tokens, embedder)
    progress("embed", 0, len(texts))
    vectors = embedder.embed_documents(texts, lambda done: progress("embed", done, len(texts)))
    if vectors.shape != (len(texts), recipe.dim) or not np.isfinite(vectors).all():
        raise IndexFailure(
            f"The embedder {embedder.name} returned vectors of shape {vectors.shape} for "
            f"{len(texts)} texts where finite ones of {recipe.dim} numbers are wanted: this is a "
            "fault of the embedder, choose another one with RAG_EMBEDDER."
        )
    embedded, first = {}, 0
    for parsed in fresh:
        rows = slice(first, first := first + len(parsed.texts))
        health = replace(parsed.health, longest_chunk_tokens=max(tokens[rows]))
        embedded[parsed.reading.reading_id] = _Embedded(parsed, health, vectors[rows])
    return embedded


def _refuse_overlong(fresh: Sequence[_Parsed], tokens: Sequence[int], embedder: Embedder) -> None:
    """Raise IndexFailure for a text the embedder would cut: its end could never be found."""
    ids = [(values[1], values[0]) for parsed in fresh for values in parsed.chunks]
    for (reading_id, chunk_id), count in zip(ids, tokens, strict=True):
        if count > embedder.max_tokens:
            raise IndexFailure(
                f"The chunk {chunk_id} of {reading_id} has {count} word pieces and the embedder "
                f"{embedder.name} reads {embedder.max_tokens}. This is a fault of the chunker and "
                "not of the reading: please report it with this sentence."
            )


# Stage three: write aside, then point to it.


def _write(
    folder: Path,
    manifest: _Manifest,
    kept: Sequence[_Reused | _Embedded],
    parts: Parts,
    progress: Progress,
) -> None:
    """Write a whole build aside, make it current, and remove what nobody needs any more."""
    aside = folder / "builds" / f"{manifest.name}.tmp-{os.getpid()}"
    try:
        aside.mkdir(parents=True)
        progress("write", 0, 3)
        texts = _write_chunks(aside / _CHUNKS, kept)
        progress("write", 1, 3)
        _write_vectors(aside, np.concatenate([entry.vectors for entry in kept]), parts)
        progress("write", 2, 3)
        parts.write_lexical(texts, aside)
        whole = replace(manifest, files=_files_of(aside))
        (aside / _MANIFEST).write_text(whole.to_text(), "utf-8")
        _sync_tree(aside)
        _publish(folder, aside, manifest.name)
        progress("write", 3, 3)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_chunks(path: Path, kept: Sequence[_Reused | _Embedded]) -> list[str]:
    """Write pages and chunks; returns all search texts in the order of rows."""
    uri = f"{path.absolute().as_uri()}?mode=rwc"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
        # The file is nobody's before it is complete: a journal would only cost time.
        db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
        first = 0
        for entry in kept:
            entry.insert(db, first)
            first += entry.health.chunks
        db.commit()
        return [text for (text,) in db.execute("SELECT searched FROM chunk ORDER BY row")]


def _write_vectors(aside: Path, vectors: Vectors, parts: Parts) -> None:
    np.save(aside / _VECTORS, vectors, allow_pickle=False)
    store = parts.new_store()
    store.add(vectors)
    store.save(aside)


def _publish(folder: Path, aside: Path, name: str) -> None:
    """Give a complete build its name, swap the pointer, and keep the build it pointed to."""
    builds = folder / "builds"
    before = None
    with contextlib.suppress(IndexFailure):
        before = _current(folder)
    pointer = folder / f"current.tmp-{os.getpid()}"
    try:
        # Written first: this is the last step that a full disk can stop.
        pointer.write_text(f"{name}\n", "ascii")
        _sync(pointer)
        _place(aside, builds / name)
        pointer.replace(folder / "current")
    finally:
        pointer.unlink(missing_ok=True)
    _sync_folder(folder)
    for home in builds.iterdir():
        if _NAME.fullmatch(home.name) and home.name not in {name, before}:
            # Windows removes nothing that is open: it goes with the next build.
            with contextlib.suppress(OSError):
                _discard(home)


def _place(aside: Path, target: Path) -> None:
    """Rename a build to what it is called."""
    # A sound build of this name was made from the same things and may have readers: it stays.
    if not _is_sound(target):
        if target.exists():
            _discard(target)
        aside.rename(target)
    _sync_folder(target.parent)


def _discard(home: Path) -> None:
    """Remove a build under a name that says so, in case the removal is cut short."""
    doomed = home.with_name(f"{home.name}.tmp-{os.getpid()}-old")
    home.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what dead builders left behind; only for the holder of the lock."""
    for path in [*folder.glob("builds/*.tmp-*"), *folder.glob("current.tmp-*")]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


# The earlier build, the lock, and errors at the border.


@contextlib.contextmanager
def _earlier(folder: Path, recipe: Recipe) -> Iterator[Index | None]:
    """The index in place if something can be taken from it: same recipe, every byte intact."""
    index = None
    with contextlib.suppress(IndexFailure):
        index = Index.open(folder, recipe)
    try:
        yield index if index and _is_sound(index.folder) else None
    finally:
        if index:
            index.close()


def _is_sound(home: Path) -> bool:
    """Whether every file of a build still has the bytes it was written with."""
    try:
        files = _load_manifest(home).files
        return all(_hash(home / file.name) == file.sha256 for file in files)
    except (IndexFailure, OSError):
        return False


@contextlib.contextmanager
def _lock(folder: Path, wait: float) -> Iterator[None]:
    """Be the only builder. Raises IndexFailure with the other one's name after ``wait`` seconds."""
    from filelock import FileLock, Timeout

    holder = folder / "holder"
    lock = FileLock(folder / "lock", timeout=wait)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise IndexFailure(_held_by(holder, wait)) from None
    try:
        with _writing(folder):
            since = datetime.now().astimezone().isoformat(" ", "seconds")
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()} since {since}\n")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _held_by(holder: Path, wait: float) -> str:
    try:
        who = holder.read_text().strip()
    except OSError:
        who = "a process that has not said its name"
    return (
        f"The index in {holder.parent} is being built by {who}, and {wait:g} seconds were not "
        "enough to wait for it: run `python -m rag.index` again when it is done."
    )


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Raise IndexFailure for everything that goes wrong on the way to the disk."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise IndexFailure(
            f"Two pages or chunks of one reading have the same name ({error}). This is a fault of "
            "the parser or the chunker: please report it with this sentence."
        ) from error
    except (OSError, sqlite3.Error) as error:
        raise IndexFailure(
            f"The index could not be written to {folder} ({_reason(error)}); what was there "
            "before is untouched. Free space there, or set RAG_INDEX to another folder."
        ) from error


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _damaged(folder: Path, what: str) -> IndexFailure:
    return IndexFailure(
        f"The index in {folder} is damaged ({what}): "
        "run `python -m rag.index`, which builds it anew."
    )


# Reading the pointer and the manifest.


def _current(folder: Path) -> str:
    """The name of the build in use."""
    try:
        name = (folder / "current").read_text("ascii").strip()
    except FileNotFoundError:
        raise IndexMissing(
            f"There is no index in {folder} yet: run `python -m rag.index` to build it."
        ) from None
    except NotADirectoryError:
        raise IndexFailure(
            f"{folder} is no folder, so there is no index in it: set RAG_INDEX to a folder."
        ) from None
    except OSError as error:
        raise IndexFailure(
            f"The index in {folder} cannot be read ({_reason(error)}): "
            "see to it that you may read that folder, or set RAG_INDEX to another one."
        ) from error
    except UnicodeDecodeError:
        name = ""
    if not _NAME.fullmatch(name):
        raise _damaged(folder, "the file 'current' names no build")
    return name


def _load_manifest(home: Path) -> _Manifest:
    """A build's manifest. Raises IndexStale for another schema, IndexFailure for damage."""
    try:
        content = json.loads((home / _MANIFEST).read_text("utf-8"))
        schema = content["schema"]
        manifest = _Manifest.from_json(content) if schema == SCHEMA else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(home.parents[1], f"{_MANIFEST} cannot be read") from error
    if manifest is None:
        raise IndexStale(
            f"The index in {home.parents[1]} was made by another version of Reading Room "
            f"(layout {schema}, this one has {SCHEMA}). Run `python -m rag.index` to build it anew."
        )
    if manifest.name != home.name:
        raise _damaged(home.parents[1], f"{_MANIFEST} belongs to another build")
    return manifest


def _reading(entry: dict[str, Any]) -> Reading:
    known = {"authors": tuple(entry["authors"]), "path": Path(entry["path"])}
    return Reading(**{**entry, **known})


def _health(entry: dict[str, Any]) -> ReadingHealth:
    known = {
        "empty_pages": tuple(entry["empty_pages"]),
        "blocks": tuple((kind, count) for kind, count in entry["blocks"]),
        "problems": tuple(entry["problems"]),
    }
    return ReadingHealth(**{**entry, **known})


# Packing. Text as text, so that any SQLite shell can read it; positions as whole numbers.

_SPAN = struct.Struct("<7i")


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


def _unpack_spans(packed: bytes) -> tuple[Span, ...]:
    return tuple(
        Span(start, end, Box(page, x0 / 100, y0 / 100, x1 / 100, y1 / 100))
        for start, end, page, x0, y0, x1, y1 in _SPAN.iter_unpack(packed)
    )


def _pack_cells(cells: Iterable[Cell]) -> list[list[int | str]]:
    return [[cell.start, cell.end, cell.head] for cell in cells]


def _unpack_cells(packed: Iterable[tuple[int, int, str]]) -> tuple[Cell, ...]:
    return tuple(Cell(start, end, head) for start, end, head in packed)


def _pack_page(reading: Reading, page: Page) -> tuple[Any, ...]:
    """A row of the table page. Raises UnicodeEncodeError for half characters."""
    blocks = [
        [b.kind, b.text, len(b.spans), b.level, b.group, _pack_cells(b.cells)] for b in page.blocks
    ]
    text = json.dumps(blocks, ensure_ascii=False)
    _refuse_half_characters(reading.reading_id, page.label, text)
    spans = _pack_spans(span for block in page.blocks for span in block.spans)
    size = float(page.width), float(page.height)
    return reading.reading_id, page.number, page.label, *size, text, spans


def _unpack_page(values: tuple[Any, ...]) -> Page:
    number, label, width, height, blocks, packed = values
    spans = iter(_unpack_spans(packed))
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


def _pack_chunk(reading: Reading, chunk: Chunk, searched: str) -> tuple[Any, ...]:
    """A row of the table chunk, without its number. Raises UnicodeEncodeError, as above."""
    section = json.dumps(chunk.section, ensure_ascii=False)
    cells = json.dumps(_pack_cells(chunk.cells), ensure_ascii=False)
    texts = section, chunk.kind, chunk.text, chunk.context, searched, cells
    _refuse_half_characters(reading.reading_id, *texts)
    return chunk.chunk_id, reading.reading_id, *texts, _pack_spans(chunk.spans)


def _refuse_half_characters(*texts: str) -> None:
    """Raise UnicodeEncodeError for lone surrogates, which strange PDFs yield and no file takes."""
    "".join(texts).encode()


# Files.


def _files_of(home: Path) -> tuple[_File, ...]:
    """Every file of a build, in the order of their names."""
    paths = sorted(path for path in home.rglob("*") if path.is_file())
    return tuple(
        _File(path.relative_to(home).as_posix(), path.stat().st_size, _hash(path)) for path in paths
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_tree(home: Path) -> None:
    """See a build onto the disk: files first, then the folders that name them."""
    for path in home.rglob("*"):
        if path.is_file():
            _sync(path)
        else:
            _sync_folder(path)
    _sync_folder(home)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows opens no folders; it writes names through by itself.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
