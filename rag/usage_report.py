"""What the log tells, as text and as other programs read it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict

from rag.plain import plain
from rag.records import Record
from rag.usage import Group, ReadingUse, Usage, Week

_WIDTH = 96


def as_record(usage: Usage) -> Record:
    """Everything that may be shown."""
    return {
        "asked": usage.asked,
        "refused": usage.refused,
        "unsupported": usage.unsupported,
        "up": usage.up,
        "down": usage.down,
        "smallest_group": usage.smallest,
        "readings": [_reading_record(reading) for reading in usage.readings],
        "groups": [asdict(group) for group in usage.groups],
        "others": asdict(usage.others),
        "weeks": [{"monday": w.monday.isoformat(), "asked": w.asked} for w in usage.weeks],
    }


def _reading_record(use: ReadingUse) -> Record:
    return {
        "reading": use.reading.reading_id,
        "title": use.reading.title,
        "asked": use.asked,
        "found": use.found,
        "cited": use.cited,
        "sections": [asdict(section) for section in use.sections],
        "pages": [
            {"page": number, "found": found, "cited": cited}
            for number, (found, cited) in enumerate(use.pages, 1)
        ],
    }


def as_text(usage: Usage) -> str:
    """The same for a terminal."""
    return "\n".join(_lines(usage))


def _lines(usage: Usage) -> Iterator[str]:
    yield counted(usage)
    for use in usage.readings:
        yield f"\n{plain(use.reading.title)} ({plain(use.reading.reading_id)})"
        yield f"  searched {use.asked}, found {use.found}, cited {use.cited} times"
        if use.untouched:
            names = "; ".join(plain(section.section) or "(title)" for section in use.untouched)
            yield textwrap.fill(
                f"never found: {names}", _WIDTH, initial_indent="  ", subsequent_indent="    "
            )
    yield "\nAsked by several, largest first:"
    for group in usage.groups:
        yield f"  {group.asked:4d}  {plain(group.question)}{_troubles(group)}"
    yield f"  {usage.others.asked:4d}  {others(usage)}{_troubles(usage.others)}"
    yield "\nBy week:"
    for week in usage.weeks:
        yield f"  {week.monday.isoformat()}  {in_week(week, usage.smallest)}"


def counted(usage: Usage) -> str:
    """How many questions there were, and how they went."""
    return (
        f"{usage.asked} {'question' if usage.asked == 1 else 'questions'}: {usage.refused} without "
        f"an answer, {usage.unsupported} with a sentence that is not borne out, {usage.up} thumbs "
        f"up, {usage.down} down."
    )


def others(usage: Usage) -> str:
    """What the questions are called that are not shown."""
    return f"other questions, each asked by fewer than {usage.smallest}"


def in_week(week: Week, smallest: int) -> str:
    """A week's number of questions, if it may be shown."""
    return f"fewer than {smallest}" if week.asked is None else str(week.asked)


def _troubles(group: Group) -> str:
    told = [
        f"{count} {what}"
        for count, what in (
            (group.refused, "without an answer"),
            (group.unsupported, "not borne out"),
            (group.down, "thumbs down"),
        )
        if count
    ]
    reasons = f": {'; '.join(map(plain, group.reasons))}" if group.reasons else ""
    return f" ({', '.join(told)}{reasons})" if told else ""
