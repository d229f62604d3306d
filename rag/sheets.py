"""What a parser hands over of a page before its layout is known: words, drawn rules, lines.

Lengths are PDF points from the page's top left.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

CAPTION = re.compile(r"(Table|Tab\.|Figure|Fig\.|Algorithm|Listing)\s*([A-Z]?\d+)\s*[:.|]", re.I)
"""How the first line of a caption begins: (kind, number)."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the page sets it: ``size`` is the font's, ``run`` numbers the run it was set in."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool
    run: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line that the page draws."""

    x0: float
    x1: float
    y: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page before its layout is known; ``hidden`` and ``layer`` are as in ``types.Page``."""

    number: int
    label: str
    width: float
    height: float
    words: tuple[Word, ...]
    rules: tuple[Rule, ...]
    hidden: int = 0
    layer: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """Words on one baseline of one column, left to right."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words with single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def x0(self) -> float:
        """The left end."""
        return self.words[0].x0

    @property
    def x1(self) -> float:
        """The right end."""
        return self.words[-1].x1

    @property
    def y0(self) -> float:
        """The top of most words."""
        return _middle([word.y0 for word in self.words])

    @property
    def y1(self) -> float:
        """The bottom of most words."""
        return _middle([word.y1 for word in self.words])

    @property
    def size(self) -> float:
        """The size most letters of the line are set in."""
        sizes: Counter[float] = Counter()
        for word in self.words:
            sizes[round(word.size, 1)] += len(word.text)
        return sizes.most_common(1)[0][0]

    @property
    def bold(self) -> bool:
        """Whether every word of the line is."""
        return all(word.bold for word in self.words if any(map(str.isalnum, word.text)))

    def cells(self, gap: float) -> list[Line]:
        """The line cut where the space between two words exceeds ``gap``."""
        cut = [[self.words[0]]]
        for before, word in zip(self.words, self.words[1:], strict=False):
            if word.x0 - before.x1 > gap:
                cut.append([])
            cut[-1].append(word)
        return [Line(tuple(words)) for words in cut]

    def table_cells(self) -> list[Line]:
        """The line cut as a table's row: a new run of type needs less space than a new word."""
        cut = [[self.words[0]]]
        for before, word in zip(self.words, self.words[1:], strict=False):
            gap = (word.x0 - before.x1) / self.size
            if gap > 0.55 or (gap > 0.36 and word.run != before.run):
                cut.append([])
            cut[-1].append(word)
        return [Line(tuple(words)) for words in cut]


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the page that holds a table."""

    x0: float
    y0: float
    x1: float
    y1: float

    def holds(self, word: Word) -> bool:
        """Whether the word's middle lies within."""
        x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1


def lines_of(words: Sequence[Word]) -> list[Line]:
    """Words grouped by baseline, top to bottom; superscripts join the line they stand in."""
    rows: list[list[Word]] = []
    extents: list[tuple[float, float]] = []  # of each row's tallest word
    for word in sorted(words, key=lambda w: ((w.y0 + w.y1) / 2, w.x0)):
        for at in range(len(rows) - 1, max(len(rows) - 4, -1), -1):
            top, bottom = extents[at]
            shared = min(bottom, word.y1) - max(top, word.y0)
            if shared > 0.55 * min(bottom - top, word.y1 - word.y0):
                rows[at].append(word)
                if word.y1 - word.y0 > bottom - top:
                    extents[at] = (word.y0, word.y1)
                break
        else:
            rows.append([word])
            extents.append((word.y0, word.y1))
    return [Line(tuple(sorted(row, key=lambda w: w.x0))) for row in rows]


def clean(text: str) -> str:
    """Text in NFKC without control and zero-width characters."""
    text = unicodedata.normalize("NFKC", text)
    return "".join(
        c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs")
    ).strip()


def caption_parts(line: Line) -> list[Line]:
    """The line cut where captions that stand beside each other begin."""
    parts: list[list[Word]] = []
    for piece in line.cells(0.4 * line.size):
        if not parts or CAPTION.match(piece.text):
            parts.append([])
        parts[-1] += piece.words
    return [Line(tuple(words)) for words in parts]


def _middle(numbers: list[float]) -> float:
    """The median's lower neighbour: cheap, and always one of the numbers."""
    return sorted(numbers)[(len(numbers) - 1) // 2]
