"""``python -m rag.coverage TOPICS.txt``: which reading covers which topic of a course, and where.

TOPICS.txt has a topic a line (lines with # are comments), a .jsonl file one {"id", "topic"} a line;
``-`` reads lines from stdin. ``--propose`` writes topics made of the readings' own headings, to be
edited and given back. ``--questions-log`` tells what is asked instead, from the log at RAG_LOG.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from rag import console, coverage_page, usage_page, usage_report
from rag.assembly import open_log, open_surveyor
from rag.coverage_report import as_csv, as_record, as_text
from rag.covering import Model, Surveyor, Table
from rag.errors import SettingsError
from rag.gaps import gaps
from rag.log import NoLog
from rag.proposals import propose
from rag.settings import Settings
from rag.topics import Topic, parse_records, parse_topics
from rag.usage import usage


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    arguments = _arguments().parse_args(argv)
    return console.run(lambda: _cover(arguments))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag.coverage", description=__doc__)
    parser.add_argument(
        "topics", nargs="?", metavar="TOPICS.txt", help="a topic a line; - is stdin"
    )
    parser.add_argument("--propose", action="store_true", help="write topics the readings have")
    parser.add_argument(
        "--questions-log", action="store_true", help="what is asked, found, cited and left alone"
    )
    parser.add_argument(
        "--reading", action="append", metavar="ID", help="look at this reading only (repeatable)"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a report to open")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write a line for each cell")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    return parser


def _cover(arguments: argparse.Namespace) -> int:
    _check(arguments)
    settings = console.load_settings()
    topics = _topics(arguments.topics) if arguments.topics is not None else []
    surveyor = open_surveyor(settings)
    chosen = frozenset(arguments.reading) if arguments.reading else None
    if arguments.propose:
        _show_proposals(surveyor, chosen, as_json=arguments.json)
    elif arguments.questions_log:
        _show_usage(surveyor, chosen, settings, arguments)
    else:
        _deliver(_table(surveyor, topics, chosen), surveyor, arguments)
    for name, reason in surveyor.left_out:
        console.say(f"left out: {name}: {reason}")
    return console.LEFT_OUT if surveyor.left_out else console.DONE


def _check(arguments: argparse.Namespace) -> None:
    """Refuse now what would fail only after the work."""
    wanted = (arguments.topics is not None, arguments.propose, arguments.questions_log)
    if sum(wanted) != 1:
        raise SettingsError("Give a file with a topic a line, or --propose, or --questions-log.")
    if arguments.csv is not None and arguments.topics is None:
        raise SettingsError("--csv is for topics: give a file with a topic a line.")
    if arguments.html is not None and arguments.propose:
        raise SettingsError("--html is for topics or the log: --propose only writes a list.")
    for path in (arguments.html, arguments.csv):
        console.expect_folder(path)


def _topics(name: str) -> list[Topic]:
    if name == "-":
        return parse_topics(sys.stdin.read().split("\n"), "stdin")
    parse = parse_records if name.endswith(".jsonl") else parse_topics
    return parse(console.lines(Path(name)), name)


def _table(surveyor: Surveyor, topics: list[Topic], chosen: frozenset[str] | None) -> Table:
    bars = console.ProgressBars()
    try:
        return surveyor.table(
            topics, Model.load(), chosen, lambda done: bars("topics", done, len(topics))
        )
    finally:
        bars.close()


def _deliver(table: Table, surveyor: Surveyor, arguments: argparse.Namespace) -> None:
    found = gaps(table, surveyor)
    if arguments.html is not None:
        console.write(arguments.html, coverage_page.as_page(table, found, _today()))
    if arguments.csv is not None:
        console.write(arguments.csv, as_csv(table))
    console.show(json.dumps(as_record(table, found)) if arguments.json else as_text(table, found))


def _show_usage(
    surveyor: Surveyor,
    chosen: frozenset[str] | None,
    settings: Settings,
    arguments: argparse.Namespace,
) -> None:
    log = open_log(settings)
    if isinstance(log, NoLog):
        raise SettingsError("There is no log of questions: set RAG_LOG to where it is kept.")
    readings = {r: surveyor.chunks(r.reading_id) for r in surveyor.readings(chosen)}
    found = usage(log.entries(), readings, surveyor.vectors, settings.log_smallest)
    log.close()
    if arguments.html is not None:
        console.write(arguments.html, usage_page.as_page(found, _today()))
    told = usage_report.as_text(found)
    console.show(json.dumps(usage_report.as_record(found)) if arguments.json else told)


def _today() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _show_proposals(surveyor: Surveyor, chosen: frozenset[str] | None, *, as_json: bool) -> None:
    proposals = propose(surveyor, chosen)
    if as_json:
        listed = [{"topic": one.topic, "readings": list(one.readings)} for one in proposals]
        console.show(json.dumps({"topics": listed}))
        return
    for one in proposals:
        console.show(f"# {', '.join(one.readings)}\n{one.topic}")


if __name__ == "__main__":
    sys.exit(main())
