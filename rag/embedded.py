"""What an embedder makes of texts: one vector a text, and a smaller one for each of its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Embeddings, shape (n, dim), unit rows; row i belongs to text i."""

Words = NDArray[np.int8]
"""Word pieces in their context, shape (m, width): unit rows times 127, rounded."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as a model sees them.

    ``vectors`` has a row a text. ``words`` holds the pieces of all texts behind each other, those
    of text i being ``words[ends[i - 1] : ends[i]]``; pieces that carry no meaning are left out.
    ``starts`` tells for each piece at which character of its text it begins. An embedder that
    gives no words has ``words`` of shape (0, 0) and ``ends`` of zeros.
    """

    vectors: Vectors
    words: Words
    starts: NDArray[np.int32]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.vectors)

    @classmethod
    def without_words(cls, vectors: Vectors) -> Embedded:
        """The vectors alone."""
        none = np.zeros((0, 0), np.int8), np.zeros(0, np.int32)
        return cls(vectors, *none, np.zeros(len(vectors), np.int64))

    def as_arrays(self) -> Embedded:
        """The same as plain arrays, still mapped: a slice of a memmap costs ten times an array's."""
        every = self.vectors, self.words, self.starts, self.ends
        return Embedded(*map(np.asarray, every))

    @classmethod
    def joined(cls, parts: Sequence[Embedded]) -> Embedded:
        """The texts of all parts, in their order. There must be a part."""
        sizes = np.concatenate([np.diff(part.ends, prepend=0) for part in parts])
        return cls(
            np.concatenate([part.vectors for part in parts]),
            np.concatenate([part.words for part in parts]),
            np.concatenate([part.starts for part in parts]),
            np.cumsum(sizes),
        )

    def part(self, start: int, stop: int) -> Embedded:
        """The texts from row ``start`` to before ``stop``."""
        low = int(self.ends[start - 1]) if start else 0
        high = int(self.ends[stop - 1]) if stop else 0
        return Embedded(
            self.vectors[start:stop],
            self.words[low:high],
            self.starts[low:high],
            self.ends[start:stop] - low,
        )

    def likeness(self, asked: Words, rows: NDArray[np.int64]) -> Vectors:
        """How like each of the asked words is to the likest word of each text in ``rows``.

        Cosines, shape (rows, asked words); 0 for a text without words.
        """
        starts = np.where(rows > 0, self.ends[rows - 1], 0)
        sizes = self.ends[rows] - starts
        filled = np.flatnonzero(sizes)
        result = np.zeros((len(rows), len(asked)), np.float32)
        if len(asked) == 0 or len(filled) == 0:
            return result
        words = np.concatenate(
            [self.words[at : at + size] for at, size in zip(starts, sizes, strict=True)]
        )
        pairs = words.astype(np.float32) @ asked.astype(np.float32).T
        firsts = (np.cumsum(sizes) - sizes)[filled]
        result[filled] = np.maximum.reduceat(pairs, firsts, axis=0) / 127**2
        return result


@dataclass(frozen=True, slots=True)
class Matches:
    """How like each word of a window is to each word of a question.

    ``places`` are the characters of the window's text at which its words begin, ascending, shape (m,);
    ``likeness`` are cosines, shape (words of the question, m); ``asked`` are the characters of the
    question at which its words begin.
    """

    places: NDArray[np.int64]
    likeness: NDArray[np.float32]
    asked: NDArray[np.int32]

    def best(self, start: int, end: int) -> NDArray[np.float32]:
        """Of each of the question's words the best match in ``start`` to before ``end``; 0 where
        there are no words.
        """
        low, high = self.places.searchsorted((start, end))
        if low >= high:
            return np.zeros(len(self.likeness), np.float32)
        return np.asarray(self.likeness[:, low:high].max(axis=1))

    def between(self, start: int, end: int) -> float:
        """The mean, over the question's words, of the best match in ``start`` to before ``end``;
        0 where there are no words.
        """
        asked = len(self.likeness)  # a sum and a quotient: numpy's mean takes twice as long
        return float(self.best(start, end).sum()) / asked if asked else 0.0
