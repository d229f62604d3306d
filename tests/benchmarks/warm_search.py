"""Prints how long a warm search and answer take beside embedding the question, which none can spare.

    RAG_INDEX=FOLDER OMP_NUM_THREADS=1 python -m tests.benchmarks.warm_search QUESTIONS.jsonl

Counted are the median and the 95th percentile of the wall time of ``Engine.search`` for ten
passages, of ``Engine.ask`` to its end and of ``embed_query``, in milliseconds, and the quotients of the
medians. Each question is asked five times, each time with four other marks (?!.) behind it, so that it is
new to every cache, as long for all and asks for no more; they take turns in one process on one thread, so
that a busy machine slows all. The first twenty do not count. With ``--profile FILE`` the answers run under
cProfile instead.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

from rag import console
from rag.assembly import open_engine, plugin
from rag.embedders import bert_onnx, minilm
from rag.engine import Engine
from rag.questions import parse_questions

_ROUNDS, _WARM_UP, _PASSAGES = 5, 20, 10


def _seconds(run: Callable[[str], object], text: str) -> float:
    started = time.perf_counter()
    run(text)
    return time.perf_counter() - started


def _texts(path: Path) -> list[tuple[str, ...]]:
    """Each question as often as it is asked: for searching, answering, and as long for embedding."""
    asked = [q.question for q in parse_questions(console.lines(path), str(path))]
    marks = ["".join(four) for four in itertools.product("?!.", repeat=4)]
    return [
        tuple(f"{text} {marks[3 * turn + way]}" for way in range(3))
        for turn in range(_ROUNDS)
        for text in asked
    ]


def _line(name: str, seconds: Sequence[float]) -> str:
    median, slow = np.percentile(np.array(seconds) * 1000, [50, 95])
    return f"| {name} | {median:.1f} | {slow:.1f} |"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.warm_search")
    parser.add_argument("questions", type=Path, metavar="QUESTIONS.jsonl")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write cProfile's figures")
    options = parser.parse_args()
    settings = console.load_settings()
    with mock.patch.object(minilm, "session", partial(_one_thread, bert_onnx.session)):
        engine = open_engine(settings)
        embedder = plugin("embedders", settings.embedder).load(settings)
    texts = _texts(options.questions)
    ways = (partial(engine.search, k=_PASSAGES), partial(_answer, engine), embedder.embed_query)
    for each in texts[:_WARM_UP]:
        for way, text in zip(ways, each, strict=True):
            way(text)
    if options.profile:
        with cProfile.Profile() as profile:
            for _, text, _ in texts[_WARM_UP:]:
                _answer(engine, text)
        profile.dump_stats(options.profile)
        return
    times = [
        [_seconds(way, text) for way, text in zip(ways, each, strict=True)]
        for each in texts[_WARM_UP:]
    ]
    searching, answering, embedding = zip(*times, strict=True)
    print(f"{len(times)} questions\n\n| | median, ms | 95 %, ms |\n|---|---|---|")
    print(_line("embedding the question", embedding))
    print(_line("warm search, that included", searching))
    print(_line("warm answer, both included", answering))
    for name, seconds in (("A search", searching), ("An answer", answering)):
        print(f"\n{name} takes {np.median(seconds) / np.median(embedding):.2f} × the embedding.")


def _answer(engine: Engine, question: str) -> None:
    """Ask to the end."""
    for _ in engine.ask(question):
        pass


def _one_thread(session: Callable[..., object], *given: object, **named: object) -> object:
    """The model's session with one thread: two would win what another process loses."""
    return session(*given, **named | {"threads": 1})


if __name__ == "__main__":
    main()
