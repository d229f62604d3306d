"""Lexical search: BM25 over stemmed terms, with bm25s.

Scores follow Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009),
in Lucene's variant; k1 and b are those that did best on BEIR SciFact among the usual pairs.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Vectors
from rag.errors import IndexFailure
from rag.meaning import Meaning
from rag.protocols import Library, Ranker, Rows, Scorer
from rag.retrievers.hybrid import Hybrid
from rag.spelling import Spelling
from rag.terms import terms

VERSION = "bm25-4"
_K1, _B = 1.5, 0.75
_FOLDER, _KNOWN = "bm25", "terms.json"
_ARRAYS = ("data", "indices", "indptr")  # as bm25s names them


def load(index: Library, rankers: Sequence[Ranker], scorer: Scorer, meaning: Meaning) -> Hybrid:
    """The retriever that hears this ranker alone; all else is as in the fusion of several."""
    return Hybrid(index, [one for one in rankers if one.name == Bm25.name], (), meaning)


def write(texts: Sequence[str], folder: Path) -> None:
    """Index the texts, row i being text i, into ``folder``; nothing is pickled."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    index = bm25s.BM25(k1=_K1, b=_B)
    index.index([terms(text) or [""] for text in texts], show_progress=False)
    target = folder / _FOLDER
    target.mkdir()
    known = {"rows": len(texts), "terms": sorted(index.vocab_dict, key=index.vocab_dict.get)}
    (target / _KNOWN).write_text(json.dumps(known), encoding="utf-8")
    for name in _ARRAYS:
        np.save(target / f"{name}.npy", index.scores[name])


class Bm25:
    """A lexical index opened for searching; threads may share it.

    It holds for each term the rows in which it stands and what it adds to the score of each: bm25s
    computes them (Lù, BM25S, 2024), and is not needed, nor waited for, to add them up.
    """

    name = "bm25"

    def __init__(
        self,
        known: Sequence[str],
        size: int,
        scores: Vectors,
        rows: NDArray[np.int32],
        starts: NDArray[np.int64],
    ) -> None:
        """Of ``known[i]`` are ``scores`` and ``rows`` from ``starts[i]`` to ``starts[i + 1]``."""
        self._numbers = {term: number for number, term in enumerate(known)}
        self._size = size
        self._scores, self._rows, self._starts = scores, rows, starts
        self._spelling = Spelling(self._numbers, lambda term: len(self.rows_with(term)))

    @classmethod
    def open(cls, folder: Path) -> Bm25:
        """The index that ``write`` left in ``folder``. Raises IndexFailure if it is damaged."""
        source = folder / _FOLDER
        try:
            known = json.loads((source / _KNOWN).read_text(encoding="utf-8"))
            # As plain arrays, still mapped: a slice of a memmap costs ten times that of an array.
            arrays = [
                np.asarray(np.load(source / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS
            ]
            return cls(known["terms"], known["rows"], *arrays)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexFailure(
                f"The lexical index in {folder} is damaged ({error}). Run `python -m rag.index`."
            ) from error

    def weight(self, term: str) -> float:
        """How rare a term is: 0 for one in every chunk, 1 for one in none or a single one."""
        found = len(self.rows_with(term))
        return 1.0 - math.log(max(found, 1)) / math.log(max(self._size, 2))

    def rows_with(self, term: str) -> Rows:
        """The rows in which a term stands, ascending."""
        return np.sort(self._rows[self._places(term)]).astype(np.int64)

    def _places(self, term: str) -> slice:
        """Where a term's rows and scores are."""
        number = self._numbers.get(term)
        if number is None:
            return slice(0)
        return slice(int(self._starts[number]), int(self._starts[number + 1]))

    def top(self, question: str, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        """The at most k best rows that share a term with the question, and their scores.

        A rare word of the question that stands nowhere counts as the nearest one that does.
        """
        wanted = self._spelling.terms(question)
        if not wanted:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        scores = np.zeros(self._size, np.float32)
        for term in wanted:
            places = self._places(term)
            scores[self._rows[places]] += self._scores[places]
        candidates = np.flatnonzero(scores > 0) if rows is None else rows[scores[rows] > 0]
        found = scores[candidates]
        if len(found) > k:  # of a million with a common word, all but a few need no order
            candidates = candidates[found >= np.partition(found, -k)[-k]]
        order = np.argsort(-scores[candidates], kind="stable")[:k]
        best = candidates[order].astype(np.int64)
        return best, scores[best]
