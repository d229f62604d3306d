"""Building: read what is new, embed it, write all into a folder aside, point to it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from rag.embedded import Embedded
from rag.errors import IndexFailure, ReadingError
from rag.library.failures import writing
from rag.library.index import ENDS, STARTS, VECTORS, WORDS, Index
from rag.library.intake import Reread, Reused, embed, read_all, reuse
from rag.library.lock import PATIENCE, lock
from rag.library.manifest import LeftOut, Manifest, is_sound
from rag.library.packing import CHUNKS, TABLES
from rag.library.pointer import publish, remove_leftovers, sync_tree
from rag.library.recipe import Parts, Recipe
from rag.protocols import Progress
from rag.types import Reading


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
    with lock(folder, wait), _earlier(folder, recipe) as old:
        if old is not None and _made_from(old, readings):
            return _unchanged(folder, old)
        with writing(folder):
            remove_leftovers(folder)
        return _rebuild(folder, recipe, readings, parts, progress, old)


@contextlib.contextmanager
def _earlier(folder: Path, recipe: Recipe) -> Iterator[Index | None]:
    """The index in place if something can be taken from it: same recipe, every byte intact."""
    index = None
    with contextlib.suppress(IndexFailure):
        index = Index.open(folder, recipe)
    try:
        yield index if index and is_sound(index.folder) else None
    finally:
        if index:
            index.close()


def _made_from(old: Index, readings: Sequence[Reading]) -> bool:
    """Whether an index holds, or has left out, exactly these readings in this order."""
    left_out = {left.reading.reading_id: left.reading for left in old.manifest.left_out}
    given = [reading for reading in readings if left_out.get(reading.reading_id) != reading]
    return given == list(old.readings) and len(given) + len(left_out) == len(readings)


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
    reused = {r.reading_id: reuse(old, r) for r in readings if old and _same(old, r)}
    new = [reading for reading in readings if reading.reading_id not in reused]
    fresh, left_out = read_all(new, parts, progress)
    if not reused and not fresh:
        raise IndexFailure(_nothing_usable(folder, left_out))
    marks.append(time.perf_counter())
    reread = embed(fresh, recipe, parts, progress)
    marks.append(time.perf_counter())
    entries: dict[str, Reused | Reread] = {**reused, **reread}
    kept = [entries[r.reading_id] for r in readings if r.reading_id in entries]
    sound, health = tuple(entry.reading for entry in kept), tuple(entry.health for entry in kept)
    manifest = Manifest(recipe, sound, tuple(left_out), health, files=())
    with writing(folder):
        _write(folder, manifest, kept, parts, progress)
    marks.append(time.perf_counter())
    seconds = [end - start for start, end in pairwise(marks)]
    return _report(folder, manifest, reused, reread, seconds)


def _same(old: Index, reading: Reading) -> bool:
    """Whether an index holds this reading's pages, chunks and vectors."""
    # Author, year, address and place of the file are neither embedded nor part of a chunk's id.
    return any(
        (r.reading_id, r.sha256, r.title, r.kind)
        == (reading.reading_id, reading.sha256, reading.title, reading.kind)
        for r in old.readings
    )


def _nothing_usable(folder: Path, left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return (
            f"There is no reading to put into the index in {folder}: "
            "put PDFs into the corpus folder, or set RAG_CORPUS to where they are."
        )
    reasons = "; ".join(f"{left.reading.reading_id}: {left.reason}" for left in left_out)
    return f"None of the readings can be used, so the index in {folder} stays as it was. {reasons}"


def _unchanged(folder: Path, old: Index) -> BuildReport:
    return _report(folder, old.manifest, [r.reading_id for r in old.readings], [], [])


def _report(
    folder: Path,
    manifest: Manifest,
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


def _write(
    folder: Path,
    manifest: Manifest,
    kept: Sequence[Reused | Reread],
    parts: Parts,
    progress: Progress,
) -> None:
    """Write a whole build aside, make it current, and remove what nobody needs any more."""
    aside = folder / "builds" / f"{manifest.name}.tmp-{os.getpid()}"
    try:
        aside.mkdir(parents=True)
        progress("write", 0, 3)
        texts, prose = _write_chunks(aside / CHUNKS, kept)
        progress("write", 1, 3)
        _write_embedded(aside, Embedded.joined([entry.embedded for entry in kept]), parts)
        progress("write", 2, 3)
        parts.write_lexical(texts, aside)
        parts.write_abbreviations(prose, aside)
        manifest.seal(aside)
        sync_tree(aside)
        publish(folder, aside, manifest.name)
        progress("write", 3, 3)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_chunks(path: Path, kept: Sequence[Reused | Reread]) -> tuple[list[str], list[str]]:
    """Write pages and chunks; returns all search texts in the order of rows, and all windows' texts
    but those of references.
    """
    uri = f"{path.absolute().as_uri()}?mode=rwc"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
        # The file is nobody's before it is complete: a journal would only cost time.
        db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {TABLES}")
        first = 0
        for entry in kept:
            entry.insert(db, first)
            first += entry.health.chunks
        db.commit()
        queries = (
            "SELECT searched FROM chunk ORDER BY row",
            "SELECT text FROM window WHERE kind != 'reference' ORDER BY rowid",
        )
        searched, prose = ([text for (text,) in db.execute(query)] for query in queries)
        return searched, prose


def _write_embedded(aside: Path, embedded: Embedded, parts: Parts) -> None:
    np.save(aside / VECTORS, embedded.vectors, allow_pickle=False)
    np.save(aside / WORDS, embedded.words, allow_pickle=False)
    np.save(aside / STARTS, embedded.starts, allow_pickle=False)
    np.save(aside / ENDS, embedded.ends, allow_pickle=False)
    store = parts.new_store()
    store.add(embedded.vectors)
    store.save(aside)
