"""A PDF's outline, the bookmarks beside its pages, as a witness for its headings.

An outline names sections with their depth and page. The page itself sets them in its own letters,
with numbers that the outline often lacks, and sometimes at the top of the next page: links end
where the space above a heading begins.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

_COMPLETE = 5  # entries; a shorter outline may name a file's parts and no sections
_LONGEST = 4  # lines of one heading
_NUMBER = re.compile(
    r"(?:appendix\s+)?(?:(?:\d+|[A-Z])(?:\.\d+)*[.:]?|[IVX]+\.|§\s*\d+)\s+(?=\S)", re.I
)
_CONTENTS = re.compile(r"(.+?)[\s.]*\b\d+$")


Look = tuple[float, bool]
"""How a line is set: its size, rounded, and whether it is bold."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an outline: ``level`` is its depth and ``page`` its physical page, both from 1."""

    title: str
    level: int
    page: int


class Outline:
    """Knows a document's headings; each entry stands for one heading and is used up by it.

    Ask for pages in order: an entry that its own page does not show is looked for on the next.
    """

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        levels = [entry.level for entry in entries]
        # An outline with the document's title on top has its sections one level further down.
        top = next((level for level in sorted(set(levels)) if levels.count(level) > 1), 1)
        self._depth = max(levels, default=0) - top + 1 if len(entries) >= _COMPLETE else 0
        self._keys = {_key(entry.title) for entry in entries}
        self._awaited: dict[int, dict[str, int]] = defaultdict(dict)
        for entry in entries:
            if key := _key(entry.title):
                self._awaited[entry.page].setdefault(key, max(entry.level - top + 1, 1))
        self._looks: set[Look] = set()

    def awaits(self, page: int) -> bool:
        """Whether a heading is still to be found on this page."""
        return bool(self._awaited[page] or self._awaited[page - 1])

    def find(self, lines: Sequence[str], look: Look, page: int) -> tuple[int, int]:
        """How many of the first lines are a heading of this page and its level; (0, 0) if none.

        ``look`` is the first line's: headings that the outline lacks may be known by it.
        """
        first, rest = _key(lines[0]), map(_letters, lines[1:_LONGEST])
        keys = list(itertools.accumulate(rest, initial=first))
        for awaited in (self._awaited[page], self._awaited[page - 1]):
            for key, level in awaited.items():
                if first and key.startswith(first) and key in keys:
                    self._looks.add(look)
                    del awaited[key]
                    return keys.index(key) + 1, level
        return 0, 0

    def rules_out(self, text: str, look: Look, level: int) -> bool:
        """Whether what looks like a heading of this level would be in the outline if it were one.

        An outline is silent about what lies deeper than it goes, and often about sections without
        a number, which are set like those it names.
        """
        return level <= self._depth and _key(text) not in self._keys and look not in self._looks

    def is_contents(self, text: str) -> bool:
        """Whether a line is one of a table of contents: a title of the outline and a number."""
        match = _CONTENTS.match(text)
        return bool(self._depth and match and _key(match.group(1)) in self._keys)


def _key(title: str) -> str:
    """A title's letters and digits without its number, alike however the two are set."""
    text = unicodedata.normalize("NFKC", title).strip()
    number = _NUMBER.match(text)
    return _letters(text[number.end() :] if number else text)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
