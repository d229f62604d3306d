"""Vectors in FAISS files: every one exact, and from some size on a quicker way to the likely ones.

The exact vectors are mapped into memory, not read, so that opening 100,000 rows takes 9 ms and not
424. Up to 20,000 rows each search multiplies with every row. Above, bytes in place of floats
propose rows whose exact products then decide: all of them up to 100,000 rows (a quarter of the
memory to go through), beyond that those in the lists nearest to the question
(tests/benchmarks/growth.py has what each costs and finds).

A store is a module with two doors: ``new(dim)`` for an empty one to fill and save, and
``open_store(folder)`` for a saved one to search.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Vectors
from rag.errors import IndexFailure, PluginError
from rag.protocols import Rows

Shown = NDArray[np.bool_]
"""Which rows may be found, shape (rows,)."""

FILE, PROPOSALS = "vectors.faiss", "proposals.faiss"

BYTES_FROM, LISTS_FROM = 20_000, 100_000
"""Rows from which vectors of bytes propose, and from which these stand in lists."""

_LISTS_PER_ROOT = 4  # lists for the square root of the rows, as FAISS's guidelines have it
_SAMPLES_PER_LIST = 40  # the fewest with which FAISS's clustering does not complain
_PROBES = 64
_PROPOSED = 4  # rows proposed for one that is wanted, and never fewer than _FEWEST
_FEWEST = 100
_EXACT_ROWS = 20_000
"""A search limited to so many rows looks at each of them."""


def new(dim: int) -> FaissStore:
    """An empty store for vectors of ``dim`` numbers. Raises PluginError without faiss."""
    return FaissStore(_faiss().IndexFlatIP(dim), None)


def open_store(folder: Path) -> FaissStore:
    """The store saved in ``folder``, to search only. Raises IndexFailure for a damaged file."""
    exact = _read(folder / FILE)
    proposing = _read(folder / PROPOSALS) if (folder / PROPOSALS).exists() else None
    if proposing is not None and (proposing.d, proposing.ntotal) != (exact.d, exact.ntotal):
        raise _damaged(folder / PROPOSALS)
    return FaissStore(exact, proposing)


class FaissStore:
    """Unit vectors, and what proposes rows of them; several threads may search it at once."""

    def __init__(self, exact: Any, proposing: Any) -> None:  # noqa: ANN401 - faiss has no types
        self._index = exact
        self._proposing = proposing

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def kind(self) -> str:
        """How a store of this size is searched once it is saved: flat, SQ8 or IVF SQ8."""
        if len(self) < BYTES_FROM:
            return "flat"
        return "SQ8" if len(self) < LISTS_FROM else "IVF SQ8"

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
        query = np.ascontiguousarray(query, dtype=np.float32)
        if self._proposing is None:
            return _ordered(*_found(self._index, query, k, _only(rows)), k)
        among = self._proposed(query, k, rows)
        return _ordered(among, self._products(query, among), k)

    def _proposed(self, query: Vectors, k: int, rows: Rows | None) -> Rows:
        """Rows that hold, almost certainly, the k best of ``rows``."""
        shown = None if rows is None else _shown(rows, len(self))
        count = len(self) if shown is None else int(np.count_nonzero(shown))
        if shown is not None and count <= max(k, _EXACT_ROWS):
            return np.flatnonzero(shown)
        wanted = min(max(k * _PROPOSED, _FEWEST), count)
        among, _ = _found(self._proposing, query, wanted, self._reach(shown, count))
        if len(among) >= k:
            return among
        # Lists may hold fewer than are wanted: then all are looked at.
        return np.arange(count) if shown is None else np.flatnonzero(shown)

    def _reach(self, shown: Shown | None, count: int) -> Any:  # noqa: ANN401 - faiss has no types
        """The search parameters for the ``count`` rows that are shown: the fewer, the more lists."""
        faiss = _faiss()
        chosen = {}
        if shown is not None:
            chosen["sel"] = faiss.IDSelectorBitmap(np.packbits(shown, bitorder="little"))
        if not hasattr(self._proposing, "nlist"):
            return faiss.SearchParameters(**chosen)
        probes = min(self._proposing.nlist, round(_PROBES * len(self) / count))
        return faiss.SearchParametersIVF(nprobe=probes, **chosen)

    def _products(self, query: Vectors, rows: Rows) -> Vectors:
        """The exact inner products; a matrix product would round equal rows differently."""
        return np.asarray(np.einsum("ij,j->i", self._matrix()[rows], query), np.float32)

    def _matrix(self) -> Vectors:
        """The vectors where FAISS holds them, shape (n, dim)."""
        flat = _faiss().rev_swig_ptr(self._index.get_xb(), len(self) * self._index.d)
        return np.asarray(flat).reshape(len(self), self._index.d)

    def save(self, folder: Path) -> None:
        """Write into an existing folder. Raises OSError where it does not fit."""
        _write(self._index, folder / FILE)
        if self.kind != "flat":
            _write(_proposing(self._matrix()), folder / PROPOSALS)

    def _wrong_shape(self, found: str) -> str:
        return (
            f"The store holds vectors of {self._index.d} numbers and was given {found}: the index "
            "was made with another embedder; run `python -m rag.index`."
        )


def _proposing(vectors: Vectors) -> Any:  # noqa: ANN401 - faiss has no types
    """The vectors as bytes, from ``LISTS_FROM`` rows on in lists."""
    faiss = _faiss()
    count, dim = vectors.shape
    lists = 0
    if count >= LISTS_FROM:
        lists = min(round(_LISTS_PER_ROOT * count**0.5), max(1, count // _SAMPLES_PER_LIST))
    index = faiss.index_factory(
        dim, f"IVF{lists},SQ8" if lists else "SQ8", faiss.METRIC_INNER_PRODUCT
    )
    if lists:
        index.cp.max_points_per_centroid = _SAMPLES_PER_LIST
    step = max(1, count // (_SAMPLES_PER_LIST * lists)) if lists else 1
    index.train(np.ascontiguousarray(vectors[::step]))
    index.add(vectors)
    return index


def _found(index: Any, query: Vectors, k: int, limits: Any) -> tuple[Rows, Vectors]:  # noqa: ANN401
    """What FAISS finds, without the row -1 with which it fills up where fewer than k are found."""
    with _one_thread():
        scores, rows = index.search(query[np.newaxis], k, params=limits)
    return rows[0][rows[0] >= 0], scores[0][rows[0] >= 0]


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep FAISS to the calling thread: one question gives several nothing to do, and to wait for
    those on a busy machine took a hundred times as long as the search.
    """
    faiss = _faiss()
    before = faiss.omp_get_max_threads()  # OpenMP keeps it for each calling thread
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _ordered(rows: Rows, scores: Vectors, k: int) -> tuple[Rows, Vectors]:
    """The k best, best first, the lower row on a tie."""
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def _only(rows: Rows | None) -> Any:  # noqa: ANN401 - faiss carries no types
    """The search parameters that leave only ``rows`` to be found."""
    if rows is None:
        return None
    faiss = _faiss()
    return faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.asarray(rows, dtype=np.int64)))


def _shown(rows: Rows, count: int) -> Shown:
    """For each of ``count`` rows whether it is one of ``rows``."""
    shown = np.zeros(count, np.bool_)
    shown[rows[(rows >= 0) & (rows < count)]] = True
    return shown


def _write(index: Any, path: Path) -> None:  # noqa: ANN401 - faiss carries no types
    # Python writes the bytes: FAISS's own writer overlooks a disk that fills up at the end.
    path.write_bytes(_faiss().serialize_index(index).data)


def _read(path: Path) -> Any:  # noqa: ANN401 - faiss carries no types
    """An index mapped from its file. Raises IndexFailure."""
    faiss = _faiss()
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except (RuntimeError, MemoryError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> IndexFailure:
    return IndexFailure(
        f"The vectors in {path} are missing or damaged: run `python -m rag.index`, "
        "which builds the index anew."
    )


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
