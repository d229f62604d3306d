"""Late interaction: each word of the question against each word of a chunk.

Khattab and Zaharia, ColBERT (2020): a chunk's score is the mean, over the question's words, of the
best cosine with any of the chunk's. Only chunks that other rankers found are scored, so nothing is
searched; the words are mapped from disk, and only those of these chunks are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rag.embedded import Embedded, Matches, Vectors
from rag.protocols import Embedder, Library, Rows
from rag.types import Passage, Place


class Late:
    """The words of an index's chunks with the embedder that made them; threads may share it."""

    name = "late"

    def __init__(self, library: Library, chunks: Embedded, embedder: Embedder) -> None:
        self._library = library
        self._chunks = chunks.as_arrays()
        self._words = self._chunks.words
        self._starts = self._chunks.starts
        self._ends = self._chunks.ends
        self._embedder = embedder

    def scores(self, question: str, rows: Rows) -> Vectors:
        """A score for each row, -1 to 1, in the order given; 0 for a chunk without words."""
        asked = self._embedder.embed_query(question).words
        if len(asked) == 0:
            return np.zeros(len(rows), np.float32)
        return np.asarray(self._chunks.likeness(asked, rows).mean(axis=1), np.float32)

    def matches(self, question: str, passages: Sequence[Passage]) -> list[Matches]:
        """How like the words of each passage's window are to the question's, in the order given.

        A window's words are those of all its chunks, each in the context of its own chunk. What
        is searched with a table's row (its heads) counts as standing where the row begins.
        """
        asked = self._embedder.embed_query(question)
        windows = [passage.chunk.window.window_id for passage in passages]
        places: dict[str, list[Place]] = defaultdict(list)
        for place in self._library.places(windows):
            places[place.window_id].append(place)
        return [self._matched(asked, places[window]) for window in windows]

    def _matched(self, asked: Embedded, places: Sequence[Place]) -> Matches:
        words, at = [self._words[:0]], [np.zeros(0, np.int64)]
        for place in places:
            low = int(self._ends[place.row - 1]) if place.row else 0
            span = slice(low, int(self._ends[place.row]))
            starts = self._starts[span].astype(np.int64) - place.lead
            own = starts >= (-place.context - 1 if place.context else 0)
            words.append(self._words[span][own])
            at.append(place.start + np.maximum(starts[own], 0))
        where, every = np.concatenate(at), np.concatenate(words)
        if (where[1:] < where[:-1]).any():  # a table's rows stand in its chunks twice
            order = np.argsort(where, kind="stable")
            where, every = where[order], every[order]
        likeness = np.zeros((len(asked.words), len(every)), np.float32)
        if likeness.size:
            likeness += asked.words.astype(np.float32) @ every.astype(np.float32).T / 127**2
        return Matches(where, likeness, asked.starts)
