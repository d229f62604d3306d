"""Lexical search: BM25 over stemmed terms, with bm25s.

Scores follow Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009),
in Lucene's variant; k1 and b are those that did best on BEIR SciFact among the usual pairs.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.embedded import Vectors
from rag.errors import IndexFailure
from rag.meaning import Meaning
from rag.protocols import Library, Ranker, Rows, Scorer
from rag.retrievers.hybrid import Hybrid
from rag.spelling import Spelling
from rag.terms import terms

VERSION = "bm25-3"
_K1, _B = 1.5, 0.75
_FOLDER = "bm25"


def load(index: Library, rankers: Sequence[Ranker], scorer: Scorer, meaning: Meaning) -> Hybrid:
    """The retriever that hears this ranker alone; all else is as in the fusion of several."""
    return Hybrid(index, [one for one in rankers if one.name == Bm25.name], (), meaning)


def write(texts: Sequence[str], folder: Path) -> None:
    """Index the texts, row i being text i, into ``folder``; nothing is pickled."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    index = bm25s.BM25(k1=_K1, b=_B)
    index.index([terms(text) or [""] for text in texts], show_progress=False)
    index.save(str(folder / _FOLDER), show_progress=False)


class Bm25:
    """A lexical index opened for searching; threads may share it."""

    name = "bm25"

    def __init__(self, index: Any, size: int) -> None:  # noqa: ANN401 - bm25s carries no types
        self._index = index
        self._size = size
        self._spelling = Spelling(index.vocab_dict, lambda term: len(self.rows_with(term)))

    @classmethod
    def open(cls, folder: Path) -> Bm25:
        """The index that ``write`` left in ``folder``. Raises IndexFailure if it is damaged."""
        import bm25s

        try:
            index = bm25s.BM25.load(str(folder / _FOLDER), mmap=True)
        except (OSError, ValueError, KeyError) as error:
            raise IndexFailure(
                f"The lexical index in {folder} is damaged ({error}). Run `python -m rag.index`."
            ) from error
        size = int(index.scores["num_docs"])
        # As plain arrays, still mapped: a slice of a memmap costs ten times that of an array.
        index.scores = {name: np.asarray(values) for name, values in index.scores.items()}
        return cls(index, size)

    def weight(self, term: str) -> float:
        """How rare a term is: 0 for one in every chunk, 1 for one in none or a single one."""
        found = len(self.rows_with(term))
        return 1.0 - math.log(max(found, 1)) / math.log(max(self._size, 2))

    def rows_with(self, term: str) -> Rows:
        """The rows in which a term stands, ascending."""
        number = self._index.vocab_dict.get(term)
        if number is None:
            return np.empty(0, np.int64)
        columns = self._index.scores
        low, high = (int(columns["indptr"][at]) for at in (number, number + 1))
        return np.sort(columns["indices"][low:high]).astype(np.int64)

    def top(self, question: str, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        """The at most k best rows that share a term with the question, and their scores.

        A rare word of the question that stands nowhere counts as the nearest one that does.
        """
        wanted = self._spelling.terms(question)
        if not wanted:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        scores = np.asarray(self._index.get_scores(wanted), dtype=np.float32)
        candidates = np.flatnonzero(scores > 0) if rows is None else rows[scores[rows] > 0]
        order = np.argsort(-scores[candidates], kind="stable")[:k]
        best = candidates[order].astype(np.int64)
        return best, scores[best]
