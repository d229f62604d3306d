"""Dense search: the question's vector against the chunks' vectors."""

from __future__ import annotations

from collections.abc import Sequence

from rag.embedded import Vectors
from rag.meaning import Meaning
from rag.protocols import Embedder, Library, Ranker, Rows, Scorer, VectorStore
from rag.retrievers.hybrid import Hybrid


def load(index: Library, rankers: Sequence[Ranker], scorer: Scorer, meaning: Meaning) -> Hybrid:
    """The retriever that hears this ranker alone; all else is as in the fusion of several."""
    return Hybrid(index, [one for one in rankers if one.name == Dense.name], (), meaning)


class Dense:
    """A vector store with the embedder that filled it; threads may share it."""

    name = "dense"

    def __init__(self, store: VectorStore, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def top(self, question: str, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        """The at most k nearest rows and their cosines, best first."""
        return self._store.search(self._embedder.embed_query(question).vectors[0], k, rows)
