"""``python -m rag.check "sentence"``: whether the readings bear a sentence out, and where."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag import console
from rag.assembly import open_checker
from rag.bearing import PASSAGES
from rag.citations import line_boxes
from rag.errors import RagError, SettingsError
from rag.plain import plain
from rag.records import Record
from rag.types import Verdict

_SAID = {
    "supported": "Supported",
    "unsupported": "Not supported: this is what comes nearest",
    "not_in_readings": "Not found in the readings",
}


@dataclass(frozen=True, slots=True)
class _Claim:
    claim_id: str
    sentence: str


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m rag.check", description=__doc__)
    parser.add_argument("sentence", nargs="?", help="the sentence, in quotation marks")
    parser.add_argument(
        "--reading", action="append", metavar="ID", help="look in this reading only (repeatable)"
    )
    parser.add_argument(
        "--claims", type=Path, metavar="FILE.jsonl", help='many: one {"id", "sentence"} a line'
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args(argv)
    return console.run(lambda: _check(arguments))


def _check(arguments: argparse.Namespace) -> int:
    claims = list(_claims(arguments))
    engine, checker = open_checker(console.load_settings())
    chosen = frozenset(arguments.reading) if arguments.reading else None
    failed = False
    for claim in claims:
        try:
            passages = engine.search(claim.sentence, PASSAGES, chosen)
            record = _record(claim, checker.check(claim.sentence, passages))
        except RagError as error:
            if arguments.claims is None:
                raise
            failed = True
            record = {"id": claim.claim_id, "sentence": claim.sentence, "error": str(error)}
            console.say(f"{claim.claim_id}: {error}")
        if arguments.json:
            console.show_json(record)
        else:
            console.show(_as_text(record))
    return console.FAILED if failed else console.DONE


def _claims(arguments: argparse.Namespace) -> Iterator[_Claim]:
    """The sentences that were given, in order. Raises SettingsError for a wrong file."""
    if (arguments.sentence is None) == (arguments.claims is None):
        raise SettingsError("Give one sentence in quotation marks, or --claims FILE.jsonl.")
    if arguments.claims is None:
        yield _Claim("1", arguments.sentence)
        return
    for number, line in enumerate(console.lines(arguments.claims), 1):
        if line.strip():
            yield _claim(arguments.claims, number, line)


def _claim(path: Path, number: int, line: str) -> _Claim:
    try:
        item: dict[str, Any] = json.loads(line)
        return _Claim(str(item.get("id", number)), str(item["sentence"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(
            f'{path}, line {number}: not an object with a "sentence" ({error}).'
        ) from error


def _record(claim: _Claim, verdict: Verdict) -> Record:
    """The verdict as other programs read it; what is quoted is supported."""
    status = "supported" if verdict.status == "quoted" else verdict.status
    record: Record = {"id": claim.claim_id, "sentence": claim.sentence, "status": status}
    if verdict.passage is None:
        return record | {"quote": "", "reading": None, "pages": []}
    chunk = verdict.passage.chunk
    boxes = line_boxes(chunk.window.spans.within(verdict.start, verdict.end))
    return record | {
        "quote": chunk.window.text[verdict.start : verdict.end],
        "reading": chunk.reading.reading_id,
        "pages": sorted({box.page for box in boxes}),
    }


def _as_text(record: Record) -> str:
    if "error" in record:
        return str(record["error"])
    lines = [textwrap.fill(plain(record["sentence"]), 96), _SAID[record["status"]]]
    if record["reading"]:
        pages = ", ".join(map(str, record["pages"]))
        lines[-1] += f" ({record['reading']}, p. {pages}):"
        quote = f"“{plain(record['quote'])}”"
        lines.append(textwrap.indent(textwrap.fill(quote, 92), "    "))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
