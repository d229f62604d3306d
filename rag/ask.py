"""``python -m rag.ask "question"``: a short answer in which every sentence is cited."""

from __future__ import annotations

import argparse
import sys
import textwrap

from rag import console
from rag.assembly import open_engine
from rag.records import Record, answer_record, question_record


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m rag.ask", description=__doc__)
    console.question_arguments(parser)
    parser.add_argument("--llm", help="the backend that writes the answer (default: RAG_LLM)")
    arguments = parser.parse_args(argv)
    return console.run(lambda: _ask(arguments))


def _ask(arguments: argparse.Namespace) -> int:
    engine = open_engine(console.load_settings(llm=arguments.llm))

    def answer(asked: console.Asked) -> Record:
        meant = asked.meant(engine)
        *_, last = engine.ask(meant, asked.readings)
        return answer_record(last) | question_record(asked.question, meant)

    return console.answer_all(arguments, answer, _as_text)


def _as_text(record: Record) -> str:
    if "error" in record:
        return str(record["error"])
    lines = [record["notice"], ""] if record["notice"] else []
    lines += [textwrap.fill(record["answer"], 96), ""]
    for citation in record["citations"]:
        pages = ", ".join(map(str, citation["pages"]))
        lines.append(f"[{citation['marker']}] {citation['title']}, p. {pages}")
        quote = " ".join(citation["quote"].split())
        lines.append(textwrap.indent(textwrap.fill(f"“{quote}”", 92), "    "))
    if record["abstained"]:
        for passage in record["passages"][:3]:
            pages = ", ".join(map(str, passage["pages"]))
            way = " > ".join(part for part in (passage["title"], passage["section"]) if part)
            lines.append(f"  near: {way}, p. {pages}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
