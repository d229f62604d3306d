"""Prints how long the product takes to start, beside what no program of its kind can spare.

    RAG_CORPUS=FOLDER python -m tests.benchmarks.starting [--rounds 7]

In each round, in turn, whole processes: ``python -m rag.ask``; one that imports onnxruntime, tokenizers
and faiss and loads the model; ``python app.py`` until its page is served; a bare ``import gradio`` with an
empty Blocks until its page is served. Then, once a round, the index: all of it, nothing changed, and
one page taken from the reading with the fewest. Given are the medians and their quotients, and what
both pages hold in memory once they are served. Python keeps what it has compiled, as it does for a user.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from pypdf import PdfReader, PdfWriter

from rag import console
from tests.benchmarks.memory import resident
from tests.browsing import Program

QUESTION = "How many programming languages does DeepSeek-Coder-V2 support?"
BARE = """
import faiss, onnxruntime, tokenizers
from rag.embedders.minilm import MiniLm, package_folder
MiniLm(package_folder())._model(in_bytes=False)
"""
GRADIO = """
import sys, gradio
with gradio.Blocks(analytics_enabled=False) as page:
    pass
page.launch(server_port=int(sys.argv[1]), quiet=True)
"""


KEPT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def took(command: Sequence[str], **environment: str) -> float:
    """Seconds of the whole process."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *command], env=KEPT | environment, check=True, capture_output=True
    )
    return time.perf_counter() - started


class Served(Program):
    """A program of which only the first answer is of interest."""

    command: tuple[str, ...] = ("app.py", "--port")
    megabytes = 0.0

    def seconds(self) -> float:
        """Until the page is served; ``megabytes`` is what it holds then."""
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *self.command, str(self.port)],
            env={name: self._environ[name] for name in (*KEPT, "RAG_CORPUS", "RAG_INDEX")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while True:
                try:
                    urllib.request.urlopen(self.address + "/", timeout=10).read()
                except OSError:
                    time.sleep(0.01)
                else:
                    seconds = time.perf_counter() - started
                    type(self).megabytes = resident(process.pid)
                    return seconds
        finally:
            process.kill()
            process.wait()


class Empty(Served):
    """An empty page of Gradio's."""

    command = ("-c", GRADIO)


def shortened(corpus: Path, folder: Path) -> Path:
    """A copy of the readings, of which the shortest lacks its last page."""
    shutil.copytree(corpus, folder)
    pages = {path: len(PdfReader(path).pages) for path in folder.glob("*.pdf")}
    path = min(pages, key=lambda one: pages[one])
    writer = PdfWriter()
    for page in PdfReader(path).pages[:-1]:
        writer.add_page(page)
    writer.write(path)
    print(f"{path.name} has {pages[path]} of {sum(pages.values())} pages", flush=True)
    return folder


def main() -> int:
    """Run all in turn, print the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    corpus = console.load_settings().corpus
    with tempfile.TemporaryDirectory() as scratch:
        index = str(Path(scratch) / "index")
        other = str(shortened(Path(corpus), Path(scratch) / "shortened"))
        everything = {"RAG_CORPUS": corpus, "RAG_INDEX": index}
        took(["-m", "rag.index"], **everything)
        ways: dict[str, Callable[[], float]] = {
            "rag.ask": lambda: took(["-m", "rag.ask", QUESTION], **everything),
            "bare process with the model": lambda: took(["-c", BARE]),
            "app.py, page served": lambda: Served(corpus, index).seconds(),
            "empty Blocks, page served": lambda: Empty(corpus, index).seconds(),
            "index, nothing changed": lambda: took(["-m", "rag.index"], **everything),
            "index, one page of one reading gone": lambda: took(
                ["-m", "rag.index"],
                RAG_CORPUS=other,
                RAG_INDEX=shutil.copytree(index, tempfile.mkdtemp(dir=scratch), dirs_exist_ok=True),
            ),
            "index, all": lambda: took(
                ["-m", "rag.index"], **everything | {"RAG_INDEX": tempfile.mkdtemp(dir=scratch)}
            ),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, way in ways.items():
                if "index, " in name and number >= max(rounds // 2, 1):
                    continue
                taken[name].append(way())
    seconds = {name: median(all_) for name, all_ in taken.items()}
    for name, one in seconds.items():
        print(f"{name}: {one:.2f} s (of {len(taken[name])})")
    print(f"memory, page served: {Served.megabytes:.0f} MB; empty: {Empty.megabytes:.0f} MB")
    names = list(ways)
    for ours, theirs in ((0, 1), (2, 3), (4, 6), (5, 6)):
        print(
            f"{names[ours]} / {names[theirs]}: {seconds[names[ours]] / seconds[names[theirs]]:.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
