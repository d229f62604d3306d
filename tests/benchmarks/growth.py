"""Prints what search costs and finds as the readings grow: 1,000 to 1,000,000 chunks.

    RAG_INDEX=FOLDER python -m tests.benchmarks.growth [--sizes 1000 10000] [--plot FILE.svg]

The vectors are made, not embedded: each lies at random between two vectors of the index, with noise
of half its length added, so that they fill the space between real ones (copies of real ones with
noise are found too easily: lists hold each whole). The questions are made likewise. The texts are
four sentences each, drawn from all of the index, and asked for with the questions of papers.jsonl.
Searches are for ten rows and come one at a time; the median is of wall time, warm. Recall is the share
of the ten truly best rows that were found, in all and among a tenth of the rows ("a reading in ten").
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rag import console
from rag.embedded import Vectors
from rag.library.index import Index
from rag.protocols import Rows, VectorStore
from rag.questions import parse_questions
from rag.retrievers import bm25
from rag.sentences import sentences
from rag.stores import faiss

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_QUESTIONS, _WANTED, _BLOCK = 50, 10, 50_000
_SENTENCES = 4  # of a text
_ASKED = Path(__file__).parent.parent / "questions" / "papers.jsonl"


@dataclass(frozen=True)
class Grown:
    """What so many chunks cost: processor seconds, megabytes, milliseconds a search; "tenth" where
    the search is limited to a tenth of them.
    """

    size: int
    kind: str
    build: float
    disk: float
    resident: float
    vectors: float
    recall: float
    tenth: float
    tenth_recall: float
    lexical_build: float
    lexical_disk: float
    lexical: float
    lexical_tenth: float


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


def texts(said: Sequence[str], count: int) -> list[str]:
    """Some sentences each, drawn from those that were said."""
    chance = random.Random(0)
    return [" ".join(chance.choices(said, k=_SENTENCES)) for _ in range(count)]


def processor_seconds(run: Callable[[], None]) -> float:
    """What the call takes of the processor."""
    started = time.process_time()
    run()
    return time.process_time() - started


def milliseconds(runs: Sequence[Callable[[], object]]) -> float:
    """The median of the calls, each made once before."""
    seconds = []
    for run in runs:
        run()
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) * 1000


def megabytes(folder: Path) -> float:
    """All files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def recall(store: VectorStore, vectors: Vectors, asked: Vectors, rows: Rows | None) -> float:
    """The share of the best rows that a search finds."""
    among = np.arange(len(vectors)) if rows is None else rows
    part = vectors if rows is None else vectors[rows]
    found = 0
    for query in asked:
        best = among[np.argpartition(-(part @ query), _WANTED - 1)[:_WANTED]]
        found += len({*best.tolist()} & {*store.search(query, _WANTED, rows)[0].tolist()})
    return found / len(asked) / _WANTED


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


def memory(folder: Path, asked: Vectors) -> float:
    """The megabytes by which a fresh process grows that opens the store and asks; Linux only.

    It reads from disk as after the machine's start: of files that were written just now, Linux maps
    much more at once than is looked at.
    """
    if not Path("/proc/self/status").exists():
        return float("nan")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    np.save(folder.with_suffix(".npy"), asked)
    command = [sys.executable, "-c", _MEMORY, str(folder), str(folder.with_suffix(".npy"))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def grown(real: Vectors, said: Sequence[str], size: int, scratch: Path) -> Grown:
    """Build both indexes of a size, and ask them."""
    tenth = np.arange(size // 2, size // 2 + size // 10)
    (scratch / "vectors").mkdir()
    (scratch / "words").mkdir()
    vectors, asked = made(real, size, 0), made(real, _QUESTIONS, 1)

    def build() -> None:
        store = faiss.new(vectors.shape[1])
        store.add(vectors)
        store.save(scratch / "vectors")

    seconds = processor_seconds(build)
    resident = memory(scratch / "vectors", asked)  # while no other process has them open
    store = faiss.open_store(scratch / "vectors")
    found = [
        part
        for rows in (None, tenth)
        for part in (
            milliseconds([partial(store.search, query, _WANTED, rows) for query in asked]),
            recall(store, vectors, asked, rows),
        )
    ]
    drawn = texts(said, size)
    lexical_seconds = processor_seconds(lambda: bm25.write(drawn, scratch / "words"))
    words = bm25.Bm25.open(scratch / "words")
    questions = parse_questions(console.lines(_ASKED), str(_ASKED))[:_QUESTIONS]
    lexical = [
        milliseconds([partial(words.top, q.question, _WANTED, rows) for q in questions])
        for rows in (None, tenth)
    ]
    return Grown(
        size,
        store.kind,
        seconds,
        megabytes(scratch / "vectors"),
        resident,
        *found,
        lexical_seconds,
        megabytes(scratch / "words"),
        *lexical,
    )


def cells(one: Grown) -> Iterator[str]:
    """A line of the table."""
    yield from (f"{one.size:,}", one.kind, f"{one.build:.1f}", f"{one.disk:.0f}")
    yield from (f"{one.resident:.0f}", f"{one.vectors:.2f}", f"{one.recall:.3f}")
    yield from (f"{one.tenth:.2f}", f"{one.tenth_recall:.3f}", f"{one.lexical_build:.1f}")
    yield from (f"{one.lexical_disk:.0f}", f"{one.lexical:.2f}", f"{one.lexical_tenth:.2f}")


def plot(every: Sequence[Grown], path: Path) -> None:
    """Search times and sizes over the number of chunks, both logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    times, sizes = figure.subplots(1, 2)
    at = [one.size for one in every]
    for name, label in (
        ("vectors", "by meaning"),
        ("tenth", "by meaning, in a tenth"),
        ("lexical", "by words"),
        ("lexical_tenth", "by words, in a tenth"),
    ):
        times.plot(at, [getattr(one, name) for one in every], marker="o", label=label)
    for name, label in (
        ("disk", "vectors, disk"),
        ("resident", "vectors, memory"),
        ("lexical_disk", "words, disk"),
    ):
        sizes.plot(at, [max(getattr(one, name), 0.1) for one in every], marker="o", label=label)
    for axes, unit in ((times, "milliseconds a search"), (sizes, "megabytes")):
        axes.set(xscale="log", yscale="log", xlabel="chunks", ylabel=unit)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--folder", type=Path, help="where the indexes are written, for a while")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the table, too")
    options = parser.parse_args()
    index = Index.open(console.load_settings().index_folder, None)
    real = np.asarray(index.embedded().vectors)
    windows = dict.fromkeys(chunk.window.text for chunk in index.chunks(range(len(index))))
    said = [text[a:b] for text in windows for a, b in sentences(text)]
    print("| chunks | kind | build, CPU s | disk, MB | memory, MB | ms | recall", end="")
    print(" | ms in a tenth | recall | words: CPU s | MB | ms | ms in a tenth |")
    print(f"|{'---|' * 13}")
    every = []
    for size in options.sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
            every.append(grown(real, said, size, Path(scratch)))
        print(f"| {' | '.join(cells(every[-1]))} |", flush=True)
    if options.plot:
        plot(every, options.plot)


if __name__ == "__main__":
    main()
