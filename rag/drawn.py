"""What a page draws, by PDFium: its texts in their order, and the areas that text can vanish in."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rag.pdf_ink import UNPAINTED
from rag.pdf_space import UNMOVED, Corners, Matrix, times

MICROSCOPIC = 2.0
"""Points; nobody reads smaller letters, and few see that they are some."""

Colour = tuple[int, int, int]
"""Red, green, blue, each from 0 to 255."""

_DEEPEST = 6  # forms within forms
_LEAST_STROKE = 3.0  # points; a thinner line covers no text
_SLACK = 2.0  # points by which a text's box may reach over what it is clipped to
_TEXT, _PATH, _PICTURE, _SHADING, _FORM = range(1, 6)  # PDFium's types of objects
_OPTIONAL = [ord("O"), ord("C"), 0]  # the mark of what belongs to a layer that can be switched off


@dataclass(frozen=True, slots=True)
class Text:
    """A text as the page draws it; ``turn`` counts what is drawn.

    ``unpainted`` is text that leaves no paint or is too small to be read. ``odd`` is what may not be
    seen for other reasons than its colour and what lies around it: opacity, clipping, layers.
    """

    item: Any
    turn: int
    box: Corners
    colour: Colour
    unpainted: bool
    odd: bool


@dataclass(frozen=True, slots=True)
class Area:
    """A filled shape, a thick line or a picture; ``colour`` is None where it is not of one.

    Something of what lies under a ``clear`` one is seen.
    """

    turn: int
    box: Corners
    colour: Colour | None
    clear: bool = False
    picture: bool = False


class Surveyor:
    """Takes down what pages draw. One thread only: it reuses what PDFium writes into."""

    def __init__(self) -> None:
        from pypdfium2 import raw

        self._raw = raw
        self._floats = [ctypes.c_float() for _ in range(4)]
        self._tints = [ctypes.c_uint() for _ in range(4)]
        self._modes = ctypes.c_int(), ctypes.c_int()
        self._name, self._length = (ctypes.c_ushort * 3)(), ctypes.c_ulong()
        self._turn = 0

    def survey(self, page: Any) -> tuple[list[Text], list[Area]]:  # noqa: ANN401
        """The texts and the areas of a pypdfium2 page, in the order in which they are drawn."""
        self._turn = 0
        texts: list[Text] = []
        areas: list[Area] = []
        count = self._raw.FPDFPage_CountObjects(page.raw)
        items = (self._raw.FPDFPage_GetObject(page.raw, at) for at in range(count))
        for found in self._walk(items, UNMOVED, 0, odd=False):
            if isinstance(found, Text):
                texts.append(found)
            else:
                areas.append(found)
        return texts, areas

    def _walk(
        self, items: Iterator[Any], matrix: Matrix, depth: int, *, odd: bool
    ) -> Iterator[Text | Area]:
        raw = self._raw
        for item in items:
            self._turn += 1
            kind = raw.FPDFPageObj_GetType(item)
            if kind == _TEXT:
                yield self._text(item, matrix, odd=odd)
            elif kind == _PATH:
                yield from self._path(item, matrix)
            elif kind in (_PICTURE, _SHADING):
                box, picture = self._box(item, matrix), kind == _PICTURE
                yield Area(self._turn, box, None, picture=picture)
            elif kind == _FORM and depth < _DEEPEST:
                count = raw.FPDFFormObj_CountObjects(item)
                inner = (raw.FPDFFormObj_GetObject(item, at) for at in range(count))
                moved = times(self._matrix(item), matrix)
                strange = odd or self._is_strange(item, moved, self._box(item, matrix))
                yield from self._walk(inner, moved, depth + 1, odd=strange)

    def _text(self, item: Any, matrix: Matrix, *, odd: bool) -> Text:  # noqa: ANN401
        raw = self._raw
        mode = raw.FPDFTextObj_GetTextRenderMode(item)
        colour, opaque = self._paint(item, raw.FPDFPageObj_GetFillColor)
        box = self._box(item, matrix)
        tiny = box[3] - box[1] < MICROSCOPIC and self._size(item, matrix) < MICROSCOPIC
        odd = odd or mode != 0 or opaque < 255 or self._is_strange(item, matrix, box)
        return Text(item, self._turn, box, colour, mode in UNPAINTED or tiny, odd)

    def _path(self, item: Any, matrix: Matrix) -> Iterator[Area]:  # noqa: ANN401
        raw, (filled, stroked), width = self._raw, self._modes, self._floats[0]
        raw.FPDFPath_GetDrawMode(item, filled, stroked)
        paint = raw.FPDFPageObj_GetFillColor
        if not filled.value:
            raw.FPDFPageObj_GetStrokeWidth(item, width)
            if not stroked.value or width.value < _LEAST_STROKE:
                return
            paint = raw.FPDFPageObj_GetStrokeColor
        colour, opaque = self._paint(item, paint)
        if opaque:
            yield Area(self._turn, self._box(item, matrix), colour, opaque < 255)

    def _paint(self, item: Any, of: Callable[..., int]) -> tuple[Colour, int]:  # noqa: ANN401
        """Colour and opacity, 0 to 255; a pattern counts as black glass."""
        red, green, blue, opaque = self._tints
        if not of(item, red, green, blue, opaque):
            return (0, 0, 0), 128
        return (red.value, green.value, blue.value), opaque.value

    def _box(self, item: Any, matrix: Matrix) -> Corners:  # noqa: ANN401
        left, bottom, right, top = self._floats
        if not self._raw.FPDFPageObj_GetBounds(item, left, bottom, right, top):
            return 0.0, 0.0, 0.0, 0.0
        return _moved((left.value, bottom.value, right.value, top.value), matrix)

    def _matrix(self, item: Any) -> Matrix:  # noqa: ANN401
        found = self._raw.FS_MATRIX()
        self._raw.FPDFPageObj_GetMatrix(item, found)
        return found.a, found.b, found.c, found.d, found.e, found.f

    def _size(self, item: Any, matrix: Matrix) -> float:  # noqa: ANN401
        """The size in which a text is set, in points."""
        self._raw.FPDFTextObj_GetFontSize(item, self._floats[0])
        _, _, c, d, _, _ = times(self._matrix(item), matrix)
        return float(abs(self._floats[0].value) * (c * c + d * d) ** 0.5)

    def _is_strange(self, item: Any, matrix: Matrix, box: Corners) -> bool:  # noqa: ANN401
        return (
            bool(self._raw.FPDFPageObj_HasTransparency(item))
            or self._is_clipped(item, matrix, box)
            or self._is_optional(item)
        )

    def _is_clipped(self, item: Any, matrix: Matrix, box: Corners) -> bool:  # noqa: ANN401
        """Whether a box reaches out of the box around a path that its item is clipped to."""
        raw, (x, y, *_) = self._raw, self._floats
        clip = raw.FPDFPageObj_GetClipPath(item)
        for path in range(raw.FPDFClipPath_CountPaths(clip) if clip else 0):
            xs, ys = [], []
            for at in range(raw.FPDFClipPath_CountPathSegments(clip, path)):
                raw.FPDFPathSegment_GetPoint(raw.FPDFClipPath_GetPathSegment(clip, path, at), x, y)
                xs.append(x.value)
                ys.append(y.value)
            if not xs or not within(box, _moved((min(xs), min(ys), max(xs), max(ys)), matrix)):
                return True
        return False

    def _is_optional(self, item: Any) -> bool:  # noqa: ANN401
        raw, name, length = self._raw, self._name, self._length
        for at in range(raw.FPDFPageObj_CountMarks(item)):
            mark = raw.FPDFPageObj_GetMark(item, at)
            known = raw.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length)
            if known and list(name) == _OPTIONAL:
                return True
        return False


def within(box: Corners, other: Corners) -> bool:
    """Whether a box lies within another, but for a little."""
    return (
        box[0] >= other[0] - _SLACK
        and box[1] >= other[1] - _SLACK
        and box[2] <= other[2] + _SLACK
        and box[3] <= other[3] + _SLACK
    )


def _moved(box: Corners, m: Matrix) -> Corners:
    """The box around what a matrix makes of a box."""
    if m == UNMOVED:
        return box
    xs = [m[0] * x + m[2] * y + m[4] for x in box[::2] for y in box[1::2]]
    ys = [m[1] * x + m[3] * y + m[5] for x in box[::2] for y in box[1::2]]
    return min(xs), min(ys), max(xs), max(ys)
