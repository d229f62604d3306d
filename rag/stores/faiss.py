"""Vectors in one FAISS file: an exact inner product with every row.

Exact because it is fast enough: about 13 ms for 100,000 rows of 384 numbers. The file is mapped
into memory, not read, so that opening 100,000 rows takes 9 ms and not 424.

A store is a module with two doors: ``new(dim)`` for an empty one to fill and save, and
``open_store(folder)`` for a saved one to search.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rag.embedded import Vectors
from rag.errors import IndexFailure, PluginError
from rag.protocols import Rows

FILE = "vectors.faiss"


def new(dim: int) -> FaissStore:
    """An empty store for vectors of ``dim`` numbers. Raises PluginError without faiss."""
    return FaissStore(_faiss().IndexFlatIP(dim))


def open_store(folder: Path) -> FaissStore:
    """The store saved in ``folder``, to search only. Raises IndexFailure for a damaged file."""
    faiss = _faiss()
    path = folder / FILE
    try:
        return FaissStore(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))
    except (RuntimeError, MemoryError) as error:
        raise IndexFailure(
            f"The vectors in {path} are missing or damaged: run `python -m rag.index`, "
            "which builds the index anew."
        ) from error


class FaissStore:
    """Unit vectors in a flat FAISS index; several threads may search it at once."""

    def __init__(self, index: Any) -> None:  # noqa: ANN401 - faiss carries no types
        self._index = index

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, vectors: Vectors) -> None:
        """Append rows, shape (n, dim). Raises IndexFailure for another dim."""
        if vectors.ndim != 2 or vectors.shape[1] != self._index.d:
            raise IndexFailure(self._wrong_shape(f"vectors of shape {vectors.shape}"))
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def search(self, query: Vectors, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        """The at most k best rows and their inner products, best first, the lower row on a tie.

        ``query`` has shape (dim,). ``rows`` limits the search before anything is ranked, so that
        k rows come back wherever it names that many. Raises IndexFailure for another dim.
        """
        if query.shape != (self._index.d,):
            raise IndexFailure(self._wrong_shape(f"a question of shape {query.shape}"))
        k = min(k, len(self) if rows is None else len(rows))
        if k < 1:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        scores, found = self._index.search(
            np.ascontiguousarray(query[np.newaxis], dtype=np.float32), k, params=_only(rows)
        )
        # FAISS fills up with row -1 where fewer than k rows are there to be found.
        found, scores = found[0][found[0] >= 0], scores[0][found[0] >= 0]
        order = np.lexsort((found, -scores))
        return found[order], scores[order]

    def save(self, folder: Path) -> None:
        """Write one file into an existing folder. Raises OSError where it does not fit."""
        # Python writes the bytes: FAISS's own writer overlooks a disk that fills up at the end.
        (folder / FILE).write_bytes(_faiss().serialize_index(self._index).data)

    def _wrong_shape(self, found: str) -> str:
        return (
            f"The store holds vectors of {self._index.d} numbers and was given {found}: the index "
            "was made with another embedder; run `python -m rag.index`."
        )


def _only(rows: Rows | None) -> Any:  # noqa: ANN401 - faiss carries no types
    """The search parameters that leave only ``rows`` to be found."""
    if rows is None:
        return None
    faiss = _faiss()
    return faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.asarray(rows, dtype=np.int64)))


def _faiss() -> Any:  # noqa: ANN401 - faiss carries no types
    """The package, imported when it is first needed."""
    try:
        import faiss
    except ImportError as error:
        raise PluginError(
            "The store 'faiss' needs a package: pip install faiss-cpu, "
            "or set RAG_STORE to another store."
        ) from error
    return faiss
