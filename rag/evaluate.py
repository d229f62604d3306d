"""``python -m rag.evaluate QUESTIONS.jsonl``: how well questions with known answers are answered.

Every figure has a 95 % bootstrap interval. ``--compare RETRIEVER=bm25`` asks the same questions
under other settings too, and says which differences are more than chance.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from rag import console
from rag.assembly import open_engine
from rag.engine import MOST_PASSAGES, Engine
from rag.errors import ReadingError, SettingsError
from rag.figures import differences
from rag.questions import Question, parse_questions
from rag.report import Evaluation, Run, as_record, as_text, left_out
from rag.report_page import as_page
from rag.settings import Settings
from rag.trial import AS_SET, SHOWN, Trial, papers


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    arguments = _arguments().parse_args(argv)
    return console.run(lambda: _evaluate(arguments))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag.evaluate", description=__doc__)
    parser.add_argument("questions", type=Path, metavar="QUESTIONS.jsonl")
    parser.add_argument(
        "--reading", action="append", metavar="ID", help="search this reading only (repeatable)"
    )
    parser.add_argument("--k", type=int, default=10, help="passages per question (default 10)")
    parser.add_argument("--retrieval-only", action="store_true", help="ask for no answers")
    parser.add_argument(
        "--compare",
        action="append",
        metavar="FIELD=VALUE",
        help="also ask under this setting (repeatable: all of them together)",
    )
    parser.add_argument("--misses", action="store_true", help="show the questions that failed")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a report to open")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    return parser


def _evaluate(arguments: argparse.Namespace) -> int:
    settings = console.load_settings()
    changed = _changed(arguments.compare or [])
    questions = parse_questions(console.lines(arguments.questions), str(arguments.questions))
    _check(arguments)
    choices = [settings, *([_other(settings, changed)] if changed else [])]
    engines = [open_engine(choice) for choice in choices]
    readings = _searched(engines, arguments.reading)
    held = [q for q in questions if set(q.readings) <= set(readings)]
    # Without answers there is nothing to learn from a question that should be declined.
    asked = [q for q in held if q.answerable or not arguments.retrieval_only]
    runs = []
    for choice, engine in zip(choices, engines, strict=True):
        shown = {field: asdict(choice)[field] for field in (*SHOWN, *changed)}
        name = " ".join(f"{field.upper()}={shown[field]}" for field in changed) or AS_SET
        runs.append(_run(name, shown, engine, asked, arguments))
    evaluation = Evaluation(
        file=arguments.questions.name,
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
        k=arguments.k,
        readings=readings,
        left_out=tuple(q for q in questions if q not in held),
        runs=tuple(runs),
        differences=differences(runs[0].marks, runs[1].marks) if changed else (),
    )
    return _deliver(evaluation, arguments)


def _changed(pairs: Sequence[str]) -> dict[str, str]:
    """The settings to compare with, by field. Raises SettingsError for what is no pair."""
    changed: dict[str, str] = {}
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if not (equals and field.strip() and value.strip()):
            raise SettingsError(f"--compare takes FIELD=VALUE, as RETRIEVER=bm25, not {pair!r}.")
        changed[field.strip().lower().removeprefix("rag_")] = value.strip()
    return changed


def _other(settings: Settings, changed: dict[str, str]) -> Settings:
    other = Settings.load({}, **(asdict(settings) | changed))
    if other == settings:
        raise SettingsError("--compare changes nothing: these settings have that value already.")
    return other


def _check(arguments: argparse.Namespace) -> None:
    """Refuse now what would fail for every question, or only after the last."""
    if not 1 <= arguments.k <= MOST_PASSAGES:
        raise SettingsError(f"--k must lie between 1 and {MOST_PASSAGES}, not {arguments.k}.")
    console.expect_folder(arguments.html)


def _searched(engines: Sequence[Engine], chosen: list[str] | None) -> tuple[str, ...]:
    """The papers that are in every index and were chosen, if any were. Raises ReadingError."""
    for reading in chosen or []:
        for engine in engines:
            if reading not in (held := [one.reading_id for one in engine.readings]):
                raise ReadingError(
                    f"There is no reading {reading!r} in the index. "
                    f"It holds: {', '.join(sorted(held))}."
                )
    return tuple(reading for reading in papers(engines) if not chosen or reading in chosen)


def _run(
    name: str,
    shown: Mapping[str, str | int],
    engine: Engine,
    questions: Sequence[Question],
    arguments: argparse.Namespace,
) -> Run:
    """Ask every question under a bar that grows, and say which could not be asked."""
    chosen = frozenset(arguments.reading) if arguments.reading else None
    trial = Trial(arguments.k, chosen, answers=not arguments.retrieval_only)
    bars = console.ProgressBars()
    try:
        run = trial.run(
            name, shown, engine, questions, lambda done: bars("asking", done, len(questions))
        )
    finally:
        bars.close()
    for question, why in run.failed:
        console.say(f"{question.question_id}: {why}")
    return run


def _deliver(evaluation: Evaluation, arguments: argparse.Namespace) -> int:
    if arguments.html is not None:
        console.write(arguments.html, as_page(evaluation))
    if arguments.json:
        console.show_json(as_record(evaluation))
        if evaluation.left_out:
            console.say(left_out(evaluation.left_out))
    else:
        console.show(as_text(evaluation, misses=arguments.misses))
    return console.FAILED if any(run.failed for run in evaluation.runs) else console.DONE


if __name__ == "__main__":
    sys.exit(main())
