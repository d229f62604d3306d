"""What the log of questions tells about the readings: what is asked, found, cited and left alone.

Nobody is to be recognised in it: questions are shown by groups of like ones, and none of a group with
fewer askers than the smallest that may be shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Vectors
from rag.log import Entry, Touched
from rag.types import Chunk, Reading

_ALIKE = 0.65
"""The mean cosine from which questions ask the same: of 235 questions that all ask something else
(tests/questions/papers.jsonl) eight fall into groups by it, of two questions each.
"""

_MOST = 3000
"""Questions that are compared with each other, the newest: their distances are kept in memory."""


@dataclass(frozen=True, slots=True)
class SectionUse:
    """A section, its pages, and the number of questions that found it and whose answers cite it."""

    section: str
    pages: tuple[int, ...]
    found: int
    cited: int


@dataclass(frozen=True, slots=True)
class ReadingUse:
    """A reading, the number of questions that searched it, and what they led to.

    ``pages`` are (found, cited) of each page, from page 1.
    """

    reading: Reading
    asked: int
    found: int
    cited: int
    sections: tuple[SectionUse, ...]
    pages: tuple[tuple[int, int], ...]

    @property
    def untouched(self) -> tuple[SectionUse, ...]:
        """The sections that no question has found."""
        return tuple(section for section in self.sections if not section.found)


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that ask the same; ``question`` is the one nearest to all of them.

    ``reasons`` are those given with thumbs down.
    """

    question: str
    asked: int
    refused: int
    unsupported: int
    down: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """The week that begins on ``monday``; ``asked`` is None for some, but too few to be shown."""

    monday: date
    asked: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """All of it. ``others`` are the questions of groups too small to be shown, taken together."""

    asked: int
    refused: int
    unsupported: int
    up: int
    down: int
    smallest: int
    readings: tuple[ReadingUse, ...]
    groups: tuple[Group, ...]
    others: Group
    weeks: tuple[Week, ...]


def usage(
    entries: Sequence[Entry],
    readings: Mapping[Reading, Sequence[Chunk]],
    embed: Callable[[Sequence[str]], Vectors],
    smallest: int,
) -> Usage:
    """What the entries, oldest first, tell about these readings.

    ``embed`` gives a unit row for each question; ``smallest`` is the number of askers from which a
    group, and of questions from which a week, is shown by itself.
    """
    groups, others = _groups(entries, embed, smallest)
    return Usage(
        asked=len(entries),
        refused=sum(entry.abstained for entry in entries),
        unsupported=sum(entry.unsupported for entry in entries),
        up=sum(entry.thumb > 0 for entry in entries),
        down=sum(entry.thumb < 0 for entry in entries),
        smallest=smallest,
        readings=tuple(_reading_use(r, chunks, entries) for r, chunks in readings.items()),
        groups=groups,
        others=others,
        weeks=tuple(_weeks(entries, smallest)),
    )


def _reading_use(reading: Reading, chunks: Sequence[Chunk], entries: Sequence[Entry]) -> ReadingUse:
    led = [[t for t in entry.touched if t.reading == reading.reading_id] for entry in entries]
    sections: dict[str, set[int]] = {}
    for chunk in chunks:
        name = " > ".join(chunk.window.section)
        sections.setdefault(name, set()).update(chunk.window.pages)
    found, cited = _counts(led, lambda touched: touched.section)
    found_on, cited_on = _counts(led, lambda touched: touched.page)
    last = max((page for pages in sections.values() for page in pages), default=0)
    return ReadingUse(
        reading=reading,
        asked=sum(reading.reading_id in entry.readings for entry in entries),
        found=sum(bool(touched) for touched in led),
        cited=sum(any(t.status for t in touched) for touched in led),
        sections=tuple(
            SectionUse(name, tuple(sorted(pages)), found[name], cited[name])
            for name, pages in sections.items()
        ),
        pages=tuple((found_on[page], cited_on[page]) for page in range(1, last + 1)),
    )


def _counts(
    led: Sequence[Sequence[Touched]], key: Callable[[Touched], object]
) -> tuple[Counter[object], Counter[object]]:
    """How many questions found, and how many answers cite, each place."""
    found = Counter(place for touched in led for place in {key(t) for t in touched})
    cited = Counter(place for touched in led for place in {key(t) for t in touched if t.status})
    return found, cited


def _groups(
    entries: Sequence[Entry], embed: Callable[[Sequence[str]], Vectors], smallest: int
) -> tuple[tuple[Group, ...], Group]:
    """Questions that ask the same, the largest group first, and the rest as one."""
    newest = entries[-_MOST:]
    rest = list(entries[: -len(newest)] if newest else entries)
    if not newest:
        return (), _group("", rest)
    vectors = embed([entry.question for entry in newest])
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for at, label in enumerate(alike_labels(vectors).tolist()):
        alike[label].append(at)
    shown = []
    for members in alike.values():
        own = [newest[at] for at in members]
        if len({entry.session for entry in own}) < smallest:
            rest += own
            continue
        centre = vectors[members] @ vectors[members].mean(axis=0)
        shown.append(_group(own[int(centre.argmax())].question, own))
    shown.sort(key=lambda group: (-group.asked, group.question))
    return tuple(shown), _group("", rest)


def alike_labels(vectors: Vectors) -> NDArray[np.int64]:
    """For each row the number of its group, by average linkage of cosines."""
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage

    distances = np.clip(1.0 - vectors @ vectors.T, 0.0, 2.0)
    upper = distances[np.triu_indices(len(vectors), 1)]
    labels = fcluster(linkage(upper, "average"), 1.0 - _ALIKE, "distance")
    return np.asarray(labels, np.int64)


def _group(question: str, entries: Sequence[Entry]) -> Group:
    """These questions as a group; without a question to show it has no reasons either."""
    down = [entry for entry in entries if entry.thumb < 0]
    reasons = dict.fromkeys(entry.reason for entry in down if entry.reason) if question else {}
    return Group(
        question=question,
        asked=len(entries),
        refused=sum(entry.abstained for entry in entries),
        unsupported=sum(entry.unsupported for entry in entries),
        down=len(down),
        reasons=tuple(reasons),
    )


def _weeks(entries: Sequence[Entry], smallest: int) -> Iterator[Week]:
    """Every week from the first question to the last."""
    days = [entry.at.date() for entry in entries]
    counts = Counter(day - timedelta(days=day.weekday()) for day in days)
    if not counts:
        return
    monday, last = min(counts), max(counts)
    while monday <= last:
        asked = counts[monday]
        yield Week(monday, None if 0 < asked < smallest else asked)
        monday += timedelta(days=7)
