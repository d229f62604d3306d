"""What may close the gaps of a readings list: the nearest section, and the works cited there.

A work that the readings themselves cite where they speak of a topic is the likeliest reading on it.
"""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.covering import Row, Surveyor, Table
from rag.topics import Topic
from rag.types import Passage
from rag.works import Work, cited_works

_MOST = 3  # works that are named for a topic: more is a bibliography
_BEGINNING = 60  # characters of an entry in which its first author stands
_LONGEST_ENTRY = 300
_NUMBERS = re.compile(r"\[(\d{1,3}(?:\s*[,–-]\s*\d{1,3})*)\]")
_NUMBERED = re.compile(r"(?:^|(?<=\s))\[(\d{1,3})\]\s+(?=[A-Z])")
_YEAR = re.compile(r"\b(?:19|20)\d\d[a-z]?\b")
_FIRST_AUTHOR = re.compile(r"^((?:[^,.]|(?<=\b[A-Z])\.)*?[\w’'-]{2,})(,| and |\.(?=\s))")


@dataclass(frozen=True, slots=True)
class Cited:
    """A work that passages on a topic cite: how often, in which readings, and its entry there."""

    name: str
    times: int
    readings: tuple[str, ...]
    entry: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A topic that at most one reading covers.

    ``nearest`` is the passage that comes nearest in a reading that does not cover it, ``cited`` the
    works that are cited most around the topic, in any reading that speaks of it.
    """

    topic: Topic
    nearest: Passage | None
    cited: tuple[Cited, ...]


class Bibliography:
    """The entries of one reading's list of references, found as the text cites them."""

    def __init__(self, texts: Sequence[str]) -> None:
        """``texts`` are the list's blocks, in their order; one may hold several numbered entries."""
        joined = "\n".join(" ".join(text.split()) for text in texts)
        parts = _NUMBERED.split(joined)
        pairs = zip(parts[1::2], parts[2::2], strict=True)
        self._numbered = {int(number): _entry(text) for number, text in pairs}
        self._named = [_entry(line) for line in joined.split("\n")] if len(parts) < 3 else []

    def cited(self, text: str) -> Iterator[tuple[str, str]]:
        """(name, entry) of each work that the text cites and this list has, with repeats."""
        for match in _NUMBERS.finditer(text):
            for number in _numbers(match[1]):
                if entry := self._numbered.get(number):
                    yield _called(entry), entry
        for work in cited_works(text):
            if entry := self._entry_of(work):
                yield _name(work), entry

    def _entry_of(self, work: Work) -> str | None:
        return next(
            (
                entry
                for entry in self._named
                if work.names[0] in entry[:_BEGINNING] and work.year in entry
            ),
            None,
        )


def gaps(table: Table, surveyor: Surveyor) -> list[Gap]:
    """What may help with the topics that no reading or one alone covers, in the table's order."""
    lists = {
        reading.reading_id: Bibliography(surveyor.references(reading.reading_id))
        for reading in table.readings
    }
    return [_gap(row, lists) for row in table.rows if len(row.covering) < 2]


def _gap(row: Row, lists: Mapping[str, Bibliography]) -> Gap:
    others = [p for cell in row.cells if cell.verdict != "covered" for p in cell.passages]
    # What is cited beside something else says nothing about the topic.
    speaking = {cell.reading.reading_id for cell in row.cells if cell.verdict != "absent"}
    around = [p for p in row.around if p.chunk.reading.reading_id in speaking]
    return Gap(
        row.topic,
        max(others, key=lambda passage: passage.score, default=None),
        _most(around, lists),
    )


def _most(around: Sequence[Passage], lists: Mapping[str, Bibliography]) -> tuple[Cited, ...]:
    """The works that these passages cite most."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    entries: dict[str, str] = {}
    for passage in around:
        reading = passage.chunk.reading.reading_id
        for name, entry in lists[reading].cited(passage.chunk.text):
            places[name].append(reading)
            entries.setdefault(name, entry)
    ranked = sorted(places, key=lambda name: (-len(places[name]), name))
    return tuple(
        Cited(name, len(places[name]), tuple(dict.fromkeys(places[name])), entries[name])
        for name in ranked[:_MOST]
    )


def _numbers(listed: str) -> Iterator[int]:
    """The numbers of "4, 30" and of "13-15"."""
    for part in listed.split(","):
        low, *high = (int(number) for number in re.findall(r"\d+", part))
        last = high[0] if high else low
        yield from range(low, min(last, low + 20) + 1)


def _entry(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_ENTRY]


def _called(entry: str) -> str:
    """An entry as it would be cited by name, "Alpaydin 2004", or else its beginning."""
    author, year = _FIRST_AUTHOR.match(entry), _YEAR.search(entry)
    if not author or not year:
        return textwrap.shorten(entry, _BEGINNING, placeholder="…")
    more = "" if author[2].startswith(".") else " et al."
    return f"{author[1].split()[-1]}{more} {year[0]}"


def _name(work: Work) -> str:
    """A work as it is cited: "Shao et al. 2024"."""
    return f"{' and '.join(work.names)}{' et al.' if work.more else ''} {work.year}"
