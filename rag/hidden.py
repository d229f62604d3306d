"""Which letters of a page nobody sees, by PDFium.

Text can stand in a file and not on its page: painted with nothing or in the paper's colour, under
a picture, outside of what is shown, too small to be read. What readers cannot see must not speak
to them through us. Hidden is what can be taken away and the page looks the same; that is tried, by
rendering the page with and without it, only where there is some reason for suspicion.

A scan's text is hidden, too, behind the picture of the page, and all there is. It stays.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.drawn import Area, Surveyor, Text, within
from rag.pdf_space import Corners
from rag.pdf_words import STAMP, Frame

_FAINT = 24  # of 255, the most by which what cannot be told from the paper differs from it
_INK = 64  # of 255, by which a picture of letters differs from its ground
_SCALE = 1.25  # pixels a point
_LONGEST_SIDE = 3000  # pixels of a rendering
_MARGIN = 20.0  # points that are rendered around what is asked for
_SCAN = 0.5  # the least share of a page that pictures cover if the page is a scan
_CROSSES = 0.4  # the least share of a text's height that what it vanishes in has

Letter = tuple[str, Corners]
"""A letter of a page and its x0, y0, x1, y1 from the top left of the page as shown."""

_Pixels = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Hidden:
    """``letters`` are the numbers of a page's letters that are hidden, and ``layer`` those that
    nobody sees but that stay, behind the picture of a scanned page.
    """

    letters: frozenset[int] = frozenset()
    layer: frozenset[int] = frozenset()


def frame_of(page: Any) -> Frame:  # noqa: ANN401 - pypdfium2 is imported only when needed
    """The part of a pypdfium2 page that is shown."""
    left, bottom, right, top = page.get_cropbox()
    return Frame(left, bottom, right, top, page.get_rotation())


def hidden_letters(
    surveyor: Surveyor,
    page: Any,  # noqa: ANN401
    text: Any,  # noqa: ANN401
    letters: Sequence[Letter],
) -> Hidden:
    """What is hidden of a pypdfium2 page; ``letters`` are those of its text page, in order."""
    texts, areas = surveyor.survey(page)
    frame = frame_of(page)
    suspects = _suspects(texts, areas, (frame.left, frame.bottom, frame.right, frame.top))
    words = list(_words(text, letters, suspects)) if suspects else []
    if not words:
        return Hidden()
    boxes = [_around(word, letters) for word, _ in words]
    looks = _Looks(page, frame, boxes)
    without = looks.without([suspect.item for suspect in suspects])
    alike = [looks.alike(without, box) for box in boxes]
    # A dot of a word that is seen may be too small for the rendering: it goes with the others.
    seen = {suspect.turn for (_, suspect), same in zip(words, alike, strict=True) if not same}
    unseen = [
        word
        for (word, suspect), same in zip(words, alike, strict=True)
        if suspect.unpainted
        or (same and (suspect.turn not in seen or any(letters[at][0].isalnum() for at in word)))
    ]
    return _sorted_out(unseen, letters, areas, looks)


def _sorted_out(
    unseen: Sequence[range], letters: Sequence[Letter], areas: Sequence[Area], looks: _Looks
) -> Hidden:
    """Hidden letters apart from a scan's: those where its picture shows something, too."""
    hidden = frozenset(at for word in unseen for at in word)
    seen = sum(not letter.isspace() for letter, _ in letters) - len(hidden)
    pictures = [area.box for area in areas if area.picture]
    if seen > STAMP * len(hidden) or looks.share(pictures) < _SCAN:
        return Hidden(hidden)
    inked = (word for word in unseen if looks.contrast(_around(word, letters)) >= _INK)
    layer = frozenset(at for word in inked for at in word)
    return Hidden(hidden - layer, layer)


def _suspects(texts: Sequence[Text], areas: Sequence[Area], shown: Corners) -> list[Text]:
    """The texts that may be hidden."""
    vanishing = _may_vanish(texts, areas)
    return [
        text
        for text, vanishes in zip(texts, vanishing, strict=True)
        if text.unpainted
        or text.odd
        or vanishes
        or min(text.colour) >= 255 - 2 * _FAINT
        or not within(text.box, shown)
    ]


def _may_vanish(texts: Sequence[Text], areas: Sequence[Area]) -> NDArray[np.bool_]:
    """Whether each text stands on an area of its colour or of many, or has one drawn over it."""
    found = np.zeros(len(texts), bool)
    if not texts or not areas:
        return found
    left, bottom, right, top = np.array([text.box for text in texts])[:, :, None].swapaxes(0, 1)
    turns = np.array([text.turn for text in texts])[:, None]
    colours = np.array([text.colour for text in texts])[:, None, :]
    for first in range(0, len(areas), 256):  # so that no page needs much memory
        some = areas[first : first + 256]
        x0, y0, x1, y1 = np.array([area.box for area in some]).T
        shared = np.minimum(top, y1) - np.maximum(bottom, y0)
        meets = (left < x1) & (right > x0) & (shared > _CROSSES * (top - bottom))
        tints = np.array([area.colour or (0, 0, 0) for area in some])
        near = np.abs(colours - tints).max(axis=2) <= 2 * _FAINT
        near |= np.array([area.colour is None for area in some])
        # What shows through an area of glass is no darker than the glass, or has its own area.
        near |= np.array([area.clear for area in some]) & (tints <= colours + 2 * _FAINT).all(
            axis=2
        )
        later = np.array([area.turn for area in some]) > turns
        found |= (meets & (near | later)).any(axis=1)
    return found


def _words(
    text: Any,  # noqa: ANN401
    letters: Sequence[Letter],
    suspects: Iterable[Text],
) -> Iterator[tuple[range, Text]]:
    """The letters of suspects, in runs without a space, with whose they are."""
    from pypdfium2 import raw

    owners = {_address(suspect.item): suspect for suspect in suspects}
    start, last = 0, None
    for at, (letter, _) in enumerate(letters):
        owner = None if letter.isspace() else _owner(raw.FPDFText_GetTextObject(text, at), owners)
        if owner is not last:
            if last is not None:
                yield range(start, at), last
            start, last = at, owner
    if last is not None:
        yield range(start, len(letters)), last


def _owner(item: Any, owners: Mapping[int, Text]) -> Text | None:  # noqa: ANN401
    return owners.get(_address(item)) if item else None


def _address(item: Any) -> int:  # noqa: ANN401
    return ctypes.addressof(item.contents)


def _around(word: Iterable[int], letters: Sequence[Letter]) -> Corners:
    """The box around letters."""
    return _box_around([letters[at][1] for at in word])


def _box_around(boxes: Sequence[Corners]) -> Corners:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


class _Looks:
    """How a part of a page looks: the box around those places that will be asked for."""

    def __init__(self, page: Any, frame: Frame, places: Sequence[Corners]) -> None:  # noqa: ANN401
        width, height = frame.size
        self._page, self._frame = page, frame
        self._scale = min(_SCALE, _LONGEST_SIDE / max(width, height, 1.0))
        x0, y0, x1, y1 = _box_around(places)
        # pypdfium2 cuts whole pixels off.
        self._left, self._top = self._cut(x0, width), self._cut(y0, height)
        right, bottom = self._cut(width - x1, width), self._cut(height - y1, height)
        self._cuts = self._left, bottom, right, self._top
        self._whole = self._rendered()

    def without(self, items: Sequence[Any]) -> _Pixels:
        """The page without some of what it draws."""
        from pypdfium2 import raw

        for item in items:
            raw.FPDFPageObj_SetIsActive(item, False)
        try:
            return self._rendered()
        finally:
            for item in items:
                raw.FPDFPageObj_SetIsActive(item, True)

    def alike(self, other: _Pixels, box: Corners) -> bool:
        """Whether a place looks the same on another rendering."""
        here, there = self._part(self._whole, box, 0), self._part(other, box, 0)
        return not here.size or int(np.abs(here - there).max()) <= _FAINT

    def contrast(self, box: Corners) -> int:
        """By how much the colours around a place differ, from 0 to 255."""
        part = self._part(self._whole, box, (box[3] - box[1]) / 2)
        return int(np.ptp(part, axis=(0, 1)).max()) if part.size else 0

    def share(self, boxes: Iterable[Corners]) -> float:
        """The share of the page that boxes of the PDF's space cover; overlaps count twice."""
        width, height = self._frame.size
        covered = sum(
            max(min(x1, width) - max(x0, 0), 0) * max(min(y1, height) - max(y0, 0), 0)
            for x0, y0, x1, y1 in map(self._frame.around, boxes)
        )
        return covered / (width * height)

    def _rendered(self) -> _Pixels:
        cuts = tuple(max(cut - 1e-6, 0.0) for cut in self._cuts)
        try:
            bitmap = self._page.render(scale=self._scale, crop=cuts, draw_annots=False)
        except ValueError:  # nothing of what was asked for is on the page
            return np.zeros((0, 0, 3), np.int16)
        try:
            return np.asarray(bitmap.to_numpy(), dtype=np.int16)
        finally:
            bitmap.close()

    def _part(self, pixels: _Pixels, box: Corners, margin: float) -> _Pixels:
        x0, y0, x1, y1 = box
        rows = self._range(y0 - margin - self._top, y1 + margin - self._top)
        return pixels[rows, self._range(x0 - margin - self._left, x1 + margin - self._left)]

    def _cut(self, length: float, whole: float) -> float:
        """What can be cut off where nothing is asked for, in points that are whole pixels."""
        return int(min(max(length - _MARGIN, 0.0), whole) * self._scale) / self._scale

    def _range(self, low: float, high: float) -> slice:
        # PDFium rounds the page up to whole pixels: what is thin may stand one beside.
        return slice(max(int(low * self._scale) - 1, 0), max(int(high * self._scale) + 2, 0))
