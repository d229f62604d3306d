"""The opened index: what readers of the library use."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.embedded import Embedded
from rag.errors import IndexFailure, IndexStale, ReadingError
from rag.library.failures import damaged
from rag.library.health import ReadingHealth
from rag.library.manifest import Manifest
from rag.library.packing import (
    CHUNKS,
    SELECT_CHUNK,
    SELECT_PAGE,
    SELECT_PLACE,
    read_only,
    unpack_chunk,
    unpack_page,
)
from rag.library.pointer import current
from rag.library.recipe import Recipe
from rag.protocols import Rows
from rag.types import BlockKind, Chunk, Page, Place, Window

VECTORS, WORDS, STARTS, ENDS = "vectors.npy", "words.npy", "word_starts.npy", "word_ends.npy"


class Index:
    """An opened build: read-only, lazy, safe to share between threads.

    It goes on working while newer builds replace it.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
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
        self._db = sqlite3.connect(read_only(folder / CHUNKS), uri=True, check_same_thread=False)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path, recipe: Recipe | None) -> Index:
        """The index in ``folder``; ``recipe`` is what it must have been made by, None for any.

        Reads the manifest and looks at the size of each file; takes about a millisecond.
        Raises IndexMissing, IndexStale for another recipe or schema, IndexFailure for a damaged
        index.
        """
        while True:
            name = current(folder)
            try:
                return cls._open_build(folder / "builds" / name, recipe)
            except IndexFailure:
                # Two builds may have come and gone since the name was read.
                if current(folder) == name:
                    raise

    @classmethod
    def _open_build(cls, home: Path, recipe: Recipe | None) -> Index:
        manifest = Manifest.load(home)
        if recipe is not None and (differences := manifest.recipe.differences(recipe)):
            raise IndexStale(
                f"The index in {home.parents[1]} was made by other settings or another version "
                f"({'; '.join(differences)}). Run `python -m rag.index` to build it anew."
            )
        manifest.check_sizes(home)
        try:
            return cls(home, manifest)
        except sqlite3.Error as error:
            raise damaged(home.parents[1], f"{CHUNKS}: {error}") from error

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
            f"{SELECT_CHUNK} WHERE row IN (SELECT value FROM json_each(?))", json.dumps(wanted)
        )
        windows: dict[str, Window] = {}  # rows of one table share theirs
        by_row = {values[0]: unpack_chunk(values, self._by_id, windows) for values in found}
        try:
            return [by_row[row] for row in wanted]
        except KeyError as error:
            raise damaged(self.folder.parents[1], f"there is no chunk for row {error}") from None

    def rows_of(self, readings: frozenset[str]) -> Rows:
        """All rows of these readings, ascending. Raises ReadingError for an unknown id."""
        for reading_id in sorted(readings):
            self._known(reading_id)
        ranges = [
            np.arange(rows.start, rows.stop) for i, rows in self._rows.items() if i in readings
        ]
        return np.concatenate([np.empty(0, np.int64), *ranges])

    def rows_of_kind(self, kind: BlockKind) -> Rows:
        """The rows whose windows are of a kind, ascending."""
        found = self._select(
            "SELECT row FROM chunk JOIN window USING (window_id) WHERE kind = ? ORDER BY row", kind
        )
        return np.array([row for (row,) in found], np.int64)

    def places(self, window_ids: Sequence[str]) -> list[Place]:
        """Where the chunks of these windows stand, in the order of their rows."""
        return [Place(*values) for values in self._select(SELECT_PLACE, json.dumps(window_ids))]

    def find(self, chunk_id: str) -> Chunk | None:
        """The chunk of this id, or None: ids outlive a rebuild, but not a change of the text."""
        found = self._select(f"{SELECT_CHUNK} WHERE chunk_id = ?", chunk_id)
        return unpack_chunk(found[0], self._by_id, {}) if found else None

    def page(self, reading_id: str, number: int) -> Page:
        """One page with all its blocks. Raises ReadingError for an unknown reading or page."""
        self._known(reading_id)
        found = self._select(
            f"{SELECT_PAGE} WHERE reading_id = ? AND number = ?", reading_id, number
        )
        if not found:
            count = next(h.pages for h in self.health() if h.reading_id == reading_id)
            raise ReadingError(
                f"{reading_id} has no page {number}: choose one of its {count} pages."
            )
        return unpack_page(found[0])

    def embedded(self) -> Embedded:
        """All chunks as the embedder saw them, mapped from disk: row i belongs to chunk i."""
        return Embedded(*map(self._array, (VECTORS, WORDS, STARTS, ENDS)))

    def _array(self, name: str) -> Any:  # noqa: ANN401 - the file says which type
        try:
            return np.load(self.folder / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise damaged(self.folder.parents[1], f"{name} cannot be read") from error

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
            raise damaged(self.folder.parents[1], f"{CHUNKS}: {error}") from error
