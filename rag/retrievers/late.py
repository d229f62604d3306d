"""Late interaction: each word of the question against each word of a chunk.

Khattab and Zaharia, ColBERT (2020): a chunk's score is the mean, over the question's words, of the
best cosine with any of the chunk's. Only chunks that other rankers found are scored, so nothing is
searched; the words are mapped from disk, and only those of these chunks are read.
"""

from __future__ import annotations

import numpy as np

from rag.embedded import Embedded, Vectors
from rag.protocols import Embedder, Rows


class Late:
    """The words of an index's chunks with the embedder that made them; threads may share it."""

    name = "late"

    def __init__(self, chunks: Embedded, embedder: Embedder) -> None:
        # As plain arrays, still mapped (see Bm25.open).
        self._words = np.asarray(chunks.words)
        self._ends = np.asarray(chunks.ends)
        self._embedder = embedder

    def scores(self, question: str, rows: Rows) -> Vectors:
        """A score for each row, -1 to 1, in the order given; 0 for a chunk without words."""
        asked = self._embedder.embed_query(question).words
        starts = np.where(rows > 0, self._ends[rows - 1], 0)
        sizes = self._ends[rows] - starts
        filled = np.flatnonzero(sizes)
        result = np.zeros(len(rows), np.float32)
        if len(asked) == 0 or len(filled) == 0:
            return result
        words = np.concatenate(
            [self._words[at : at + size] for at, size in zip(starts, sizes, strict=True)]
        )
        likeness = words.astype(np.float32) @ asked.astype(np.float32).T
        firsts = (np.cumsum(sizes) - sizes)[filled]
        result[filled] = np.maximum.reduceat(likeness, firsts, axis=0).mean(axis=1) / 127**2
        return result
