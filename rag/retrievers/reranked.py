"""Passages of another retriever, the first of them put into a reranker's order.

Nogueira and Cho, Passage Re-ranking with BERT (2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.chunking import search_text
from rag.protocols import Reranker, Retriever
from rag.types import Passage

_DEPTH = 30
"""Passages read again: a cross-encoder reads some tens of them a second on a CPU."""


class Reranked:
    """A retriever and the reranker that judges what it finds; threads may share it."""

    def __init__(self, retriever: Retriever, reranker: Reranker) -> None:
        self.name = f"{retriever.name}, {reranker.name}"
        self._retriever = retriever
        self._reranker = reranker

    def retrieve(
        self, question: str, k: int, readings: frozenset[str] | None = None
    ) -> list[Passage]:
        """The at most k best passages, best first; those beyond the reranker's reach come last."""
        found = self._retriever.retrieve(question, max(k, _DEPTH), readings)
        first, rest = found[:_DEPTH], found[_DEPTH:]
        texts = [search_text(passage.chunk) for passage in first]
        scores = self._reranker.score(question, texts)
        judged = [
            replace(passage, score=score, votes=(*passage.votes, (self._reranker.name, score)))
            for passage, score in zip(first, scores, strict=True)
        ]
        judged.sort(key=lambda passage: -passage.score)  # a stable sort: ties stay as they were
        passages = [*judged, *_below(judged, rest)][:k]
        return [replace(passage, rank=rank) for rank, passage in enumerate(passages, 1)]


def _below(judged: Sequence[Passage], rest: Sequence[Passage]) -> list[Passage]:
    """The rest at their own distances, no score above the judged ones': two scales become one."""
    if not rest:
        return []
    down = judged[-1].score - max(passage.score for passage in rest)
    return [replace(passage, score=passage.score + down) for passage in rest]
