"""Topics by readings as text, as CSV and as other programs read them, each verdict with its why."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable, Iterator

from rag.covering import Cell, Row, Table, Verdict
from rag.gaps import Gap
from rag.heat_map import Sign
from rag.plain import plain
from rag.records import Record
from rag.types import Passage

SIGNS: dict[Verdict, Sign] = {"covered": "●", "mentioned": "○", "absent": ""}
"""How a verdict is drawn where there is no room for the word."""

LEGEND: tuple[tuple[Verdict, str], ...] = (
    ("covered", "The reading deals with the topic: several of its passages are about it."),
    ("mentioned", "The reading speaks of the topic, but too little to be read for it."),
    ("absent", "Nothing in the reading comes near enough."),
)

_WIDTH = 96
_QUOTE = 400  # characters of a passage that are shown
_FORMULA = ("=", "+", "-", "@", "\t")  # what makes a spreadsheet calculate


def why(cell: Cell) -> str:
    """What a verdict rests on, in one sentence."""
    nearest, _, words = cell.figures
    parts = [f"nearness {nearest:.2f}, shared words {words:.1f}"]
    if cell.beside:
        parts.append(f"{_listed(cell.beside)} {_stand(cell.beside)} in the passages shown")
    if cell.elsewhere:
        parts.append(f"{_listed(cell.elsewhere)} only elsewhere in the reading")
    if cell.nowhere:
        parts.append(f"{_listed(cell.nowhere)} nowhere in it")
    return "; ".join(parts) + "."


def quote(passage: Passage) -> str:
    """The words of a passage that were found, on one line, cut to what is read at a glance."""
    text = plain(passage.chunk.text[: 2 * _QUOTE])
    return text if len(text) <= _QUOTE else f"{text[:_QUOTE].rsplit(' ', 1)[0]} …"


def counted(table: Table) -> str:
    """How many topics are covered, by one reading only, and by none."""
    count, once, none = len(table.rows), len(table.covered_once), len(table.gaps)
    return (
        f"Of {count} {'topic' if count == 1 else 'topics'}, {count - none} "
        f"{'is' if count - none == 1 else 'are'} covered, "
        f"{once} of them by one reading only; {none} by none."
    )


def as_record(table: Table, gaps: Iterable[Gap] = ()) -> Record:
    """The whole table, in the form of the command contract."""
    return {
        "topics": [
            {
                "id": row.topic.topic_id,
                "topic": row.topic.text,
                "readings": {cell.reading.reading_id: _cell_record(cell) for cell in row.cells},
            }
            for row in table.rows
        ],
        "readings": [
            {"reading": r.reading_id, "title": r.title, "kind": r.kind} for r in table.readings
        ],
        "covered_by_one": [
            {"topic": row.topic.text, "reading": row.covering[0].reading_id}
            for row in table.covered_once
        ],
        "covered_by_none": [row.topic.text for row in table.gaps],
        "gaps": [_gap_record(gap) for gap in gaps],
    }


def _cell_record(cell: Cell) -> Record:
    passages = [
        {
            "rank": passage.rank,
            "pages": list(passage.chunk.window.pages),
            "section": " > ".join(passage.chunk.window.section),
            "kind": passage.chunk.window.kind,
            "text": passage.chunk.text,
            "score": passage.score,
        }
        for passage in cell.passages
    ]
    shown = "nearest" if cell.verdict == "absent" else "passages"
    return {
        "verdict": cell.verdict,
        "pages": list(cell.pages),
        "passages": [],
        "why": why(cell),
    } | {shown: passages}


def _gap_record(gap: Gap) -> Record:
    return {
        "topic": gap.topic.text,
        "nearest": {
            "reading": gap.nearest.chunk.reading.reading_id,
            "pages": list(gap.nearest.chunk.window.pages),
            "section": " > ".join(gap.nearest.chunk.window.section),
        }
        if gap.nearest
        else None,
        "cited": [
            {
                "work": cited.name,
                "times": cited.times,
                "readings": list(cited.readings),
                "entry": cited.entry,
            }
            for cited in gap.cited
        ],
    }


def as_csv(table: Table) -> str:
    """A line for each topic and reading, for spreadsheets, which are kept from calculating."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["id", "topic", "reading", "title", "verdict", "pages", "section", "passage", "why"]
    )
    for row in table.rows:
        for cell in row.cells:
            writer.writerow(map(_harmless, _line(row, cell)))
    return out.getvalue()


def _line(row: Row, cell: Cell) -> Iterator[str]:
    yield row.topic.topic_id
    yield row.topic.text
    yield cell.reading.reading_id
    yield cell.reading.title
    yield cell.verdict
    yield " ".join(map(str, cell.pages))
    best = cell.passages[0] if cell.passages else None
    yield " > ".join(best.chunk.window.section) if best else ""
    yield quote(best) if best else ""
    yield why(cell)


def _harmless(value: str) -> str:
    value = plain(value)
    return f"'{value}" if value.startswith(_FORMULA) else value


def as_text(table: Table, gaps: Iterable[Gap] = ()) -> str:
    """The table for a terminal: a line a reading that has something on a topic."""
    lines = []
    for row in table.rows:
        lines.append(textwrap.fill(row.topic.text, _WIDTH))
        said = [cell for cell in row.cells if cell.verdict != "absent"]
        lines += [
            f"  {SIGNS[cell.verdict]} {cell.verdict:9s} {plain(cell.reading.reading_id)}, "
            f"{_pages(cell.pages)}"
            for cell in said
        ] or ["    in no reading"]
    lines += ["", counted(table)]
    once = {row.topic: plain(row.covering[0].reading_id) for row in table.covered_once}
    for gap in gaps:
        hints = (textwrap.shorten(line, _WIDTH - 4, placeholder=" …") for line in told(gap))
        where = f"only in {once[gap.topic]}" if gap.topic in once else "in none"
        lines += [f"  {where}: {gap.topic.text}", *(f"    {line}" for line in hints)]
    return "\n".join(lines)


def told(gap: Gap) -> Iterator[str]:
    """What may help with a topic that no reading covers, a line each."""
    if gap.nearest:
        window = gap.nearest.chunk.window
        where = f", {plain(' > '.join(window.section))}" if window.section else ""
        yield (
            f"comes nearest: {plain(gap.nearest.chunk.reading.reading_id)}, "
            f"{_pages(window.pages)}{where}"
        )
    for cited in gap.cited:
        times = "once" if cited.times == 1 else f"{cited.times} times"
        yield f"{plain(cited.name)} is cited {times} around it: {plain(cited.entry)}"


def _pages(pages: tuple[int, ...]) -> str:
    return f"p. {', '.join(map(str, pages))}"


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"“{word}”" for word in words)


def _stand(words: tuple[str, ...]) -> str:
    return "stands" if len(words) == 1 else "stand"
