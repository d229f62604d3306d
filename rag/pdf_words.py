"""The words of a PDF's page with approximate boxes, from pypdf's text extraction.

pypdf tells where a piece of text begins and in which font, not how far it reaches: that follows
from the font's widths where it gives them by letter, and else from how wide letters usually are.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.pdf_ink import Ink
from rag.pdf_space import UNMOVED, Corners, Matrix, times
from rag.sheets import Rule, Word, clean

SMALLEST = 4.0
"""Points; smaller text is not meant to be read."""

STAMP = 0.25
"""The most text that a scan shows beside its picture, for each hidden letter or word."""

_ASCENT, _DESCENT = 0.75, 0.22  # of a letter's size, above and below the baseline
_BOLD = re.compile(r"bold|black|heavy|demi|medi\b|cmbx|TB\b", re.I)
_NARROW, _WIDE = frozenset("iIjlft.,;:'’`|!()[]/-"), frozenset("mwMWOQ@%—")

_THICKEST, _SHORTEST = 2.0, 20.0  # points, of a rule


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a page that is shown: a box of the PDF's space, turned clockwise, in its unit."""

    left: float
    bottom: float
    right: float
    top: float
    degrees: int = 0
    unit: float = 1.0  # points

    @property
    def size(self) -> tuple[float, float]:
        """Width and height as shown."""
        width, height = (self.right - self.left) * self.unit, (self.top - self.bottom) * self.unit
        return (height, width) if self.degrees in (90, 270) else (width, height)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A point of the PDF's space, from the top left corner of the page as shown."""
        right, down = {
            90: (y - self.bottom, x - self.left),
            180: (self.right - x, y - self.bottom),
            270: (self.top - y, self.right - x),
        }.get(self.degrees, (x - self.left, self.top - y))
        return right * self.unit, down * self.unit

    def around(self, box: Corners) -> Corners:
        """A box of the PDF's space as x0, y0, x1, y1 from the top left corner of the page."""
        (x0, y0), (x1, y1) = self.place(*box[:2]), self.place(*box[2:])
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


LETTER = Frame(0, 0, 612, 792)
"""What a page is taken for that does not say its size; PDFium does the same."""


def frame_of(page: Any) -> Frame:  # noqa: ANN401 - pypdf is imported only when needed
    """The frame of a pypdf page: its crop box, as far as it lies in the media box."""
    try:
        media, crop = _sides(page.mediabox), _sides(page.cropbox)
    except Exception:  # whatever pypdf makes of a box that is none
        return LETTER
    shown = (*map(max, media[:2], crop[:2]), *map(min, media[2:], crop[2:]))
    left, bottom, right, top = shown if shown[0] < shown[2] and shown[1] < shown[3] else media
    if left >= right or bottom >= top:
        return LETTER
    return Frame(left, bottom, right, top, page.rotation % 360, float(page.user_unit))


def _sides(box: Sequence[float]) -> Corners:
    """Left, bottom, right, top, whichever corners a box names."""
    (x0, x1), (y0, y1) = sorted(map(float, box[::2])), sorted(map(float, box[1::2]))
    return x0, y0, x1, y1


@dataclass(frozen=True, slots=True)
class Written:
    """What a page has, as the file draws it; ``hidden`` and ``layer`` are as in ``types.Page``."""

    words: tuple[Word, ...]
    rules: tuple[Rule, ...]
    hidden: int
    layer: int


def written(page: Any) -> Written:  # noqa: ANN401
    """The upright words and the horizontal rules of a pypdf page.

    Raises whatever pypdf raises for a damaged page.
    """
    scribe = _scribe(page, Ink())
    hidden = scribe.ink.hidden if scribe.ink else 0
    if hidden and len(scribe.words) <= STAMP * hidden and scribe.pictures:
        scribe = _scribe(page, None)
        return Written(tuple(scribe.words), tuple(scribe.rules), 0, hidden)
    return Written(tuple(scribe.words), tuple(scribe.rules), hidden, 0)


def _scribe(page: Any, ink: Ink | None) -> _Scribe:  # noqa: ANN401
    scribe = _Scribe(frame_of(page), [(UNMOVED, page.get("/Resources"))], ink)
    page.extract_text(
        visitor_text=scribe.hear,
        visitor_operand_before=scribe.before,
        visitor_operand_after=scribe.after,
    )
    return scribe


@dataclass(slots=True)
class _Scribe:
    """Takes down what pypdf meets on a page."""

    frame: Frame
    forms: list[tuple[Matrix, Any]]  # what is drawn inside each other: its place, its resources
    ink: Ink | None  # leaves out what is written without; None reads that, too
    words: list[Word] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    pictures: int = 0
    _pen: tuple[float, float] = (0.0, 0.0)
    _end: tuple[float, float, float] = (0.0, 0.0, 0.0)  # where the last piece began, and its right
    _runs: int = 0
    _gaps: float = 0.0  # ems by which letters were pushed apart since the last piece of text
    _spaces: int = 0  # and spaces that were drawn

    def hear(self, text: str, cm: Matrix, tm: Matrix, font: Any, size: float) -> None:  # noqa: ANN401
        """Take a piece of text in that begins at ``tm`` within ``cm``."""
        gaps, self._gaps, spaces, self._spaces = self._gaps, 0.0, self._spaces, 0
        if not (text := text.strip("\n")):
            return
        a, b, c, d, x, y = times(times(tm, cm), self.forms[-1][0])
        (left, base), ahead = self.frame.place(x, y), self.frame.place(x + a * size, y + b * size)
        em, height = ahead[0] - left, abs(size) * math.hypot(c, d) * self.frame.unit
        if em <= 0 or abs(ahead[1] - base) > 0.02 * em:
            return
        begun = left, base
        if self._end[:2] == begun:  # pypdf leaves the pen where it is when only the font changes
            left = self._end[2]
        else:
            text = text.lstrip()
        widths = _Widths(font)
        # Some files draw spaces, others only push words apart: either way all are about the same.
        space = (gaps + spaces * widths.of(" ")) / max(text.count(" "), 1)
        parts = list(_parts(text, widths, space if 0.15 < space < 4.0 else 0.25))
        self._end = (*begun, left + max((end for *_, end in parts), default=0) * em)
        self._runs += 1
        bold = bool(font and _BOLD.search(str(font.get("/BaseFont", ""))))
        low, high = base - _ASCENT * height, base + _DESCENT * height
        for part, x0, x1 in parts:
            box = (left + x0 * em, low, left + x1 * em, high)
            if part and height >= SMALLEST and (shown := self._shown(box)):
                self.words.append(Word(part, *shown, height, bold, self._runs))

    def before(self, operator: bytes, operands: Any, cm: Matrix, _tm: Matrix) -> None:  # noqa: ANN401
        """See an operation of the page's program that is about to be carried out."""
        if self.ink:
            self.ink.before(operator, operands)
        if operator == b"Do":
            self.pictures += 1
            self.forms.append(self._inside(cm, str(operands[0]) if operands else ""))
            return
        with contextlib.suppress(IndexError, TypeError, ValueError):  # a damaged page's operands
            if operator == b"TJ":
                self._gaps -= sum(op for op in operands[0] if isinstance(op, (int, float))) / 1000
                self._spaces += sum(op.count(b" ") for op in operands[0] if isinstance(op, bytes))
            elif operator in (b"m", b"l"):
                pen, self._pen = self._pen, (float(operands[0]), float(operands[1]))
                if operator == b"l":
                    self._rule(pen, self._pen, cm)
            elif operator == b"re":
                x, y, width, height = map(float, operands)
                if abs(height) < _THICKEST:
                    self._rule((x, y + height / 2), (x + width, y + height / 2), cm)

    def after(self, operator: bytes, _operands: Any, _cm: Matrix, _tm: Matrix) -> None:  # noqa: ANN401
        """See that an operation was carried out: what a form draws ends with it."""
        if operator == b"Do":
            self.forms.pop()

    def _inside(self, cm: Matrix, name: str) -> tuple[Matrix, Any]:
        """Where the form of this name is drawn, and with which resources."""
        outer, resources = self.forms[-1]
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            form = resources.get_object()["/XObject"][name]
            matrix = tuple(float(number) for number in form.get("/Matrix", UNMOVED))
            return times(times(matrix, cm), outer), form.get("/Resources")
        return times(cm, outer), None

    def _rule(self, start: tuple[float, float], end: tuple[float, float], cm: Matrix) -> None:
        a, b, c, d, e, f = times(cm, self.forms[-1][0])
        (left, high), (right, low) = (
            self.frame.place(a * x + c * y + e, b * x + d * y + f) for x, y in (start, end)
        )
        if abs(high - low) < 0.5 and abs(left - right) > _SHORTEST:
            self.rules.append(Rule(min(left, right), max(left, right), high))

    def _shown(self, box: Corners) -> Corners | None:
        """The part of a word's box that is on the page, if most of it is."""
        width, height = self.frame.size
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if not (0 < x < width and 0 < y < height):
            return None
        return max(box[0], 0.0), max(box[1], 0.0), min(box[2], width), min(box[3], height)


class _Widths:
    """How wide a font's letters are, in ems."""

    def __init__(self, font: Any) -> None:  # noqa: ANN401
        widths, self._first = None, 0
        # Other fonts count by glyphs and not by letters, or in units of their own.
        if font and font.get("/Subtype") in ("/Type1", "/TrueType", "/MMType1"):
            widths, self._first = font.get("/Widths"), int(font.get("/FirstChar", 0))
        self._widths: list[float] = [float(w) for w in widths.get_object()] if widths else []

    def of(self, letter: str) -> float:
        """The letter's own width if the font says it, else that of letters of its kind."""
        at = ord(letter) - self._first
        if letter.isascii() and 0 <= at < len(self._widths) and self._widths[at] > 0:
            return self._widths[at] / 1000
        if letter in _NARROW:
            return 0.28
        if letter in _WIDE:
            return 0.83
        return 0.65 if letter.isupper() else 0.5


def _parts(text: str, widths: _Widths, space: float) -> Iterator[tuple[str, float, float]]:
    """Each word of a text with the ems at which it begins and ends; spaces are empty words."""
    at = 0.0
    for part in re.findall(r"\s+|\S+", text):
        start = at
        at += space * len(part) if part.isspace() else sum(map(widths.of, part))
        yield clean(part).replace(" ", ""), start, at
