"""Prints how the product and what a user would pick instead fare on the same PDFs, side by side.

    RAG_CORPUS=FOLDER python -m tests.benchmarks.peers QUESTIONS.jsonl [--rounds 3] [--folder SCRATCH]

Peers are LlamaIndex, LangChain, Haystack and txtai, each by its quick start and by its hybrid recipe,
with the same MiniLM weights. Each has an environment of its own, which the first run makes in
SCRATCH (5 GB). Every round runs every system once, in turn: the whole process that indexes the PDFs,
the whole process that answers one question from the saved index, and a process that asks all
questions warm. Given are medians over the rounds (of warm searches: of the median question), how
many times as long as the product each takes, the memory of the process at its most, and beside it
the quality of the same run: the right page first and among five, the evidence's words among five.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from rag import console
from rag.marks import mark
from rag.questions import Question, parse_questions

HERE = Path(__file__).parent
RECIPES = ("quick start", "hybrid")
PEERS = ("llama_index", "langchain", "haystack", "txtai")
OURS = "Reading Room"
QUESTION = "How many programming languages does DeepSeek-Coder-V2 support?"
QUALITY = ("page@1", "page@5", "text@5")
_SEARCHED = 10  # passages per question


@dataclass(frozen=True)
class System:
    """Commands of one system by one recipe; ``search`` prints JSON."""

    name: str
    index: Sequence[str]
    ask: Sequence[str]
    search: Sequence[str]
    environment: Mapping[str, str]


@dataclass
class Run:
    """What the rounds gave: seconds and megabytes by command, and the last records."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    megabytes: dict[str, list[float]] = field(default_factory=dict)
    records: Sequence[Mapping[str, object]] = ()

    def add(self, command: str, seconds: float, megabytes: float) -> None:
        """Keep one round's figures of one command."""
        self.seconds.setdefault(command, []).append(seconds)
        self.megabytes.setdefault(command, []).append(megabytes)


def python_of(peer: str, scratch: Path) -> Path:
    """The interpreter of the peer's environment, which is made where it is missing."""
    folder = scratch / "environments" / peer
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        print(f"making {folder}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        wanted = HERE / "environments" / f"{peer}.txt"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", wanted], check=True)
        (folder / "whole").touch()
    return python


def peer_system(peer: str, recipe: str, pdfs: Path, scratch: Path, questions: Path) -> System:
    """A peer's commands."""
    target = scratch / "indexes" / f"{peer} {recipe}"
    run = [str(python_of(peer, scratch)), str(HERE / f"with_{peer}.py")]
    return System(
        f"{peer}, {recipe}",
        [*run, "index", recipe, str(pdfs), str(target)],
        [*run, "ask", recipe, str(target), QUESTION],
        [*run, "search", recipe, str(target), str(questions)],
        {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true", "HAYSTACK_TELEMETRY_ENABLED": ""},
    )


def our_system(pdfs: Path, scratch: Path, questions: Path) -> System:
    """The product's own commands."""
    return System(
        OURS,
        [sys.executable, "-m", "rag.index"],
        [sys.executable, "-m", "rag.ask", QUESTION],
        [sys.executable, str(HERE / "with_reading_room.py"), str(questions)],
        {
            "RAG_CORPUS": str(pdfs),
            "RAG_INDEX": str(scratch / "indexes" / "ours"),
            "PYTHONPATH": str(Path.cwd()),
        },
    )


def timed(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float, str]:
    """(seconds, megabytes at most, output) of a whole process, the memory being that of its largest child
    where that is larger.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | environment,
    )  # fmt: skip
    assert process.stdout
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024, said


def once(system: System, run: Run) -> None:
    """Every command of one system, one after the other, from an empty folder."""
    seconds, megabytes, _ = timed(system.index, system.environment)
    run.add("index", seconds, megabytes)
    run.add("ask", *timed(system.ask, system.environment)[:2])
    _, megabytes, said = timed(system.search, system.environment)
    found = json.loads(said)
    run.add("search", median(found["seconds"]), megabytes)
    run.records = found["records"]


def quality(run: Run, questions: Sequence[Question]) -> list[float]:
    """The means of QUALITY over the questions that the readings answer."""
    by_id = {str(record["id"]): record for record in run.records}
    answerable = [question for question in questions if question.answerable]
    marks = [
        mark(question, dict(by_id[question.question_id]), _SEARCHED) for question in answerable
    ]
    return [fmean(found.values[name] for found in marks) for name in QUALITY]


def table(runs: Mapping[str, Run], questions: Sequence[Question]) -> str:
    """One row per system; in brackets how many times as much as the product."""
    head = ["", "index, s", "one answer, s", "warm search, ms", "index, MB", "answer, MB", *QUALITY]
    lines = [head, ["---"] * len(head)]
    ours = runs[OURS]
    for name, run in runs.items():
        row = [name.replace("_", "-")]
        for command, scale in (("index", 1), ("ask", 1), ("search", 1000)):
            took, best = median(run.seconds[command]), median(ours.seconds[command])
            beside = "" if run is ours else f" ({took / best:.1f})"
            row.append(f"{took * scale:.3g}{beside}")
        row += [f"{median(run.megabytes[command]):.0f}" for command in ("index", "ask")]
        lines.append(row + [f"{value:.2f}" for value in quality(run, questions)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("questions", type=Path, metavar="QUESTIONS.jsonl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("build/peers"), metavar="SCRATCH")
    arguments = parser.parse_args()
    scratch = arguments.folder.resolve()
    pdfs = Path(console.load_settings().corpus).resolve()
    asked = arguments.questions.resolve()
    systems = [our_system(pdfs, scratch, asked)]
    systems += [peer_system(p, recipe, pdfs, scratch, asked) for p in PEERS for recipe in RECIPES]
    runs = {system.name: Run() for system in systems}
    for number in range(arguments.rounds):
        shutil.rmtree(scratch / "indexes", ignore_errors=True)
        for system in systems:
            print(f"round {number + 1}: {system.name}", file=sys.stderr, flush=True)
            once(system, runs[system.name])
    questions = parse_questions(console.lines(arguments.questions), str(arguments.questions))
    print(table(runs, questions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
