"""Prints what a store of growing size costs and finds: 1,000 to 1,000,000 vectors.

    RAG_INDEX=FOLDER python -m tests.benchmarks.growth [--sizes 1000 10000] [--folder SCRATCH]

The vectors are made, not embedded: each lies at random between two vectors of the index, with noise
of half its length added, so that they fill the space between real ones (copies of real ones with
noise are found too easily: lists hold each whole). The questions are made likewise. Searches are for
ten rows and come one at a time; the median is of wall time, warm. Recall is the share of the ten
truly best rows that were found, in all and among a tenth of the rows ("a reading in ten").
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rag import console
from rag.embedded import Vectors
from rag.library.index import Index
from rag.protocols import Rows, VectorStore
from rag.stores import faiss

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_QUESTIONS, _WANTED, _BLOCK = 50, 10, 50_000


def made(real: Vectors, count: int, seed: int) -> Vectors:
    """Unit vectors between real ones, shape (count, dim)."""
    rng = np.random.default_rng(seed)
    result = np.empty((count, real.shape[1]), np.float32)
    for at in range(0, count, _BLOCK):
        size = min(_BLOCK, count - at)
        one, other = (real[rng.integers(0, len(real), size)] for _ in range(2))
        share = rng.random((size, 1), np.float32)
        noise = rng.standard_normal((size, real.shape[1]), np.float32) / 2 / real.shape[1] ** 0.5
        block = share * one + (1 - share) * other + noise
        result[at : at + size] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return result


def built(vectors: Vectors, folder: Path) -> float:
    """Save a store; returns the processor seconds it took."""
    started = time.process_time()
    store = faiss.new(vectors.shape[1])
    store.add(vectors)
    store.save(folder)
    return time.process_time() - started


def measured(store: VectorStore, vectors: Vectors, asked: Vectors, rows: Rows | None) -> str:
    """Median milliseconds and recall as cells of a table."""
    among = np.arange(len(vectors)) if rows is None else rows
    seconds, found = [], 0
    part = vectors if rows is None else vectors[rows]
    for query in asked:
        products = part @ query
        best = among[np.argpartition(-products, _WANTED)[:_WANTED]]
        store.search(query, _WANTED, rows)
        started = time.perf_counter()
        got, _ = store.search(query, _WANTED, rows)
        seconds.append(time.perf_counter() - started)
        found += len({*best.tolist()} & {*got.tolist()})
    return f"{np.median(seconds) * 1000:.2f} | {found / len(asked) / _WANTED:.3f}"


_MEMORY = """
import sys
from pathlib import Path
import numpy as np
from rag.stores import faiss
from tests.benchmarks.memory import resident
faiss.new(2)
before = resident()
store = faiss.open_store(Path(sys.argv[1]))
for query in np.load(sys.argv[2]):
    store.search(query, 10)
print(f"{resident() - before:.0f}")
"""


def memory(folder: Path, asked: Vectors) -> str:
    """The megabytes by which a fresh process grows that opens the store and asks; Linux only."""
    if not Path("/proc/self/status").exists():
        return "?"
    np.save(folder / "asked.npy", asked)
    command = [sys.executable, "-c", _MEMORY, str(folder), str(folder / "asked.npy")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def row(real: Vectors, size: int, folder: Path) -> str:
    """A line of the table."""
    vectors, asked = made(real, size, 0), made(real, _QUESTIONS, 1)
    seconds = built(vectors, folder)
    disk = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    store = faiss.open_store(folder)
    tenth = np.arange(size // 2, size // 2 + size // 10)
    cells = [measured(store, vectors, asked, rows) for rows in (None, tenth)]
    used = memory(folder, asked)
    return (
        f"| {size:,} | {store.kind} | {seconds:.1f} | {disk:.0f} | {used} | {' | '.join(cells)} |"
    )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--folder", type=Path, help="where the stores are written, for a while")
    options = parser.parse_args()
    index = Index.open(console.load_settings().index_folder, None)
    real = np.asarray(index.embedded().vectors)
    heads = "vectors", "kind", "build, CPU s", "disk, MB", "resident, MB", "ms", "recall"
    print(f"| {' | '.join(heads)} | ms in a tenth | recall |\n|{'---|' * 9}")
    for size in options.sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            print(row(real, size, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
