"""Dense and lexical search fused by the sum of their min-max normalised scores.

Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval (2023), found a convex
combination of normalised scores ahead of rank fusion; the weights here are equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from rag.clauses import clauses
from rag.protocols import Library, Ranker, Rows, Vectors
from rag.types import Chunk, Passage

_DEPTH = 100
"""Rows asked of each ranker: beyond them a row has no say in the first tens of the fusion."""

_ASKS_FOR_REFERENCES = re.compile(r"\b(cit|referenc|bibliograph|publish|venue|arxiv|doi)", re.I)


def load(index: Library, rankers: Sequence[Ranker]) -> Hybrid:
    """The retriever over an index and its rankers."""
    return Hybrid(index, rankers)


class Hybrid:
    """Several rankers over one index; threads may share it."""

    name = "hybrid"

    def __init__(self, index: Library, rankers: Sequence[Ranker]) -> None:
        self._index = index
        self._rankers = tuple(rankers)

    def retrieve(
        self, question: str, k: int, readings: frozenset[str] | None = None
    ) -> list[Passage]:
        """The at most k best passages, best first. Raises ReadingError for an unknown reading.

        A compound question is searched for part by part as well, and each part gets its turn:
        otherwise the first passages all come from the reading that one part is about.
        """
        searches = [*clauses(question), question]
        return _in_turn([self._search(part, question, k, readings) for part in searches], k)

    def _search(
        self, part: str, question: str, k: int, readings: frozenset[str] | None
    ) -> list[Passage]:
        rows = None if readings is None else self._index.rows_of(readings)
        results = [ranker.top(part, max(_DEPTH, 2 * k), rows) for ranker in self._rankers]
        fused = _fuse(results)
        order = sorted(fused, key=lambda row: (-sum(fused[row]), row))
        chunks = self._index.chunks(order)
        passages: list[Passage] = []
        for row, chunk in zip(order, chunks, strict=True):
            if _is_wanted(chunk, question):
                votes = tuple(
                    (ranker.name, float(vote))
                    for ranker, vote in zip(self._rankers, fused[row], strict=True)
                )
                passages.append(Passage(chunk, len(passages) + 1, float(sum(fused[row])), votes))
            if len(passages) == k:
                break
        return passages


def _in_turn(lists: Sequence[list[Passage]], k: int) -> list[Passage]:
    """The first of each list, then the second of each …, none twice, ranked anew."""
    if len(lists) == 1:
        return lists[0]
    passages: dict[str, Passage] = {}
    for turn in zip_longest(*lists):
        for passage in turn:
            if passage is not None and len(passages) < k:
                fresh = replace(passage, rank=len(passages) + 1)
                passages.setdefault(passage.chunk.chunk_id, fresh)
    return list(passages.values())


def _fuse(results: Sequence[tuple[Rows, Vectors]]) -> dict[int, list[float]]:
    """Each row's normalised score from every ranker; 0 from one that did not name it."""
    fused: dict[int, list[float]] = {}
    for at, (rows, scores) in enumerate(results):
        for row, score in zip(rows.tolist(), _min_max(scores).tolist(), strict=True):
            fused.setdefault(row, [0.0] * len(results))[at] = score
    return fused


def _min_max(scores: Vectors) -> Vectors:
    """Scores stretched to 0 … 1; a single one counts 1."""
    if len(scores) == 0:
        return scores
    low, high = float(scores.min()), float(scores.max())
    if high == low:
        return np.ones_like(scores)
    return np.asarray((scores - low) / (high - low), dtype=np.float32)


def _is_wanted(chunk: Chunk, question: str) -> bool:
    """Reference lists name everything and say nothing: only who asks for them gets them."""
    return chunk.kind != "reference" or bool(_ASKS_FOR_REFERENCES.search(question))
