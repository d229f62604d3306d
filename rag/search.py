"""``python -m rag.search "question"``: the passages for a question, and no answer."""

from __future__ import annotations

import argparse
import sys
import textwrap
import time

from rag import console
from rag.assembly import open_engine
from rag.records import Record, passage_record, question_record


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m rag.search", description=__doc__)
    console.question_arguments(parser)
    parser.add_argument("--k", type=int, default=10, help="how many passages (default 10)")
    arguments = parser.parse_args(argv)
    return console.run(lambda: _search(arguments))


def _search(arguments: argparse.Namespace) -> int:
    engine = open_engine(console.load_settings())

    def answer(asked: console.Asked) -> Record:
        started = time.perf_counter()
        meant = asked.meant(engine)
        passages = engine.search(meant, arguments.k, asked.readings)
        seconds = {"search": round(time.perf_counter() - started, 4)}
        found = {"passages": [passage_record(p) for p in passages], "seconds": seconds}
        return question_record(asked.question, meant) | found

    return console.answer_all(arguments, answer, _as_text)


def _as_text(record: Record) -> str:
    return "\n\n".join(passage_text(p) for p in record["passages"]) or "Nothing was found."


def passage_text(passage: Record) -> str:
    """A passage for reading on a terminal."""
    pages = ", ".join(map(str, passage["pages"]))
    way = " > ".join(part for part in (passage["title"], passage["section"]) if part)
    head = f"{passage['rank']:>2}. {way}, p. {pages}  ({passage['score']:.2f})"
    body = textwrap.fill(passage["text"], 96, initial_indent="    ", subsequent_indent="    ")
    return f"{head}\n{body}"


if __name__ == "__main__":
    sys.exit(main())
