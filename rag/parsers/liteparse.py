"""Reads PDFs with liteparse, which knows each word's place and font.

A page that it finds no words on is read by pypdf.

liteparse makes all quotation marks and dashes straight and short, what it takes for formulas LaTeX
of its own, and underlined figures of a table fractions. No page shows that, and a quote must be
what the page shows, so such words are read again, letter by letter, with pypdfium2.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from rag.drawn import Surveyor
from rag.hidden import Letter, frame_of, hidden_letters
from rag.layout import read_sheets
from rag.outline import Entry
from rag.pdf_files import PypdfFile, refuse_empty, refuse_unreadable, unreadable
from rag.pdf_words import SMALLEST, Frame
from rag.settings import Settings
from rag.sheets import Rule, Sheet, Word, clean
from rag.types import Page

_MAX_PAGES = 3000


def load(settings: Settings) -> LiteparseParser:
    """The parser; no setting changes it."""
    return LiteparseParser()


class LiteparseParser:
    """liteparse for words, fonts and rules; ``rag.layout`` for everything that follows from them."""

    name = "liteparse"
    version = "6"

    def read(self, path: Path) -> list[Page]:
        """All pages of a PDF. Raises ReadingError where no text can be had from it."""
        from liteparse import LiteParse, ParseError

        refuse_unreadable(path)
        parser = LiteParse(
            ocr_enabled=False,
            emit_word_boxes=True,
            extract_text_metadata=True,
            extract_vector_graphics=True,
            continue_on_page_error=True,
            image_mode="off",
            max_pages=_MAX_PAGES,
            quiet=True,
        )
        try:
            result = parser.parse(str(path))
        except (ParseError, RuntimeError, ValueError, OSError) as error:
            raise unreadable(path, error) from error
        letters, spare = _Letters(path), PypdfFile(path)
        try:
            sheets = _sheets(result, letters, spare)
            outline = list(letters.outline())
        finally:
            letters.close()
        refuse_empty(path, sheets)
        return read_sheets(sheets, outline)


def _sheets(result: Any, letters: _Letters, spare: PypdfFile) -> list[Sheet]:  # noqa: ANN401
    """All pages, first to last; pypdf's where liteparse fails or finds no words."""
    sheets = {page.page_num: _sheet(page, letters) for page in result.pages}
    total = result.total_pages
    wordless = [at for at in range(1, total + 1) if at not in sheets or not sheets[at].words]
    wordless = [at for at in wordless if at not in sheets or not sheets[at].hidden]
    # Readers that do not count the same pages may mean different ones by the same number.
    if wordless and spare.has_pages(total):
        for number in wordless:
            sheet = spare.sheet(number)
            if sheet.words or number not in sheets:
                sheets[number] = sheet
    return [sheets[number] for number in sorted(sheets)]


def _sheet(page: Any, letters: _Letters) -> Sheet:  # noqa: ANN401 - liteparse has no stub
    numbers = count()
    upright = [
        item for item in page.text_items if abs(item.rotation or 0) < 1 and _size(item) >= SMALLEST
    ]
    words = [w for item in upright if item.font_name for w in _words(item, next(numbers))]
    drawn = letters.page(page.page_num)
    words = _shown(_as_drawn(words, drawn.words), drawn, next(numbers))
    if any(not item.font_name or "$" in item.text for item in upright):
        words += _unread(drawn.words, words, next(numbers))
    rules = [
        Rule(min(line.x1, line.x2), max(line.x1, line.x2), line.y1)
        for line in (page.vector_graphics.lines if page.vector_graphics else ())
        if abs(line.y1 - line.y2) < 0.5 and abs(line.x1 - line.x2) > 20
    ]
    label = page.page_label or str(page.page_num)
    return Sheet(
        page.page_num,
        label,
        page.width,
        page.height,
        tuple(words),
        tuple(rules),
        len(drawn.hidden),
        drawn.layer,
    )


def _shown(words: Sequence[Word], drawn: _Drawn, run: int) -> list[Word]:
    """The words without those that are hidden. liteparse may have mixed hidden letters and shown
    ones into one word: whatever stands where something is hidden is read again letter by letter.
    """
    if not drawn.hidden:
        return list(words)
    touches = _meeting(words, drawn.hidden)
    kept = [word for word, touched in zip(words, touches, strict=True) if not touched]
    gone = [word for word, touched in zip(words, touches, strict=True) if touched]
    lost = [("", w.x0, w.y0, w.x1, w.y1) for w in gone]
    again = [w for w in drawn.words if _meeting([Word(*w, 0, False, 0)], lost)[0]]
    return kept + _unread(again, kept, run)


def _meeting(words: Sequence[Word], others: Sequence[_Lettered]) -> list[bool]:
    """Whether each word has the middle of one of the others in it, or lies with its own in one."""
    if not others:
        return [False] * len(words)
    left, top, right, bottom = np.array([box for _, *box in others]).T
    across, down = (left + right) / 2, (top + bottom) / 2
    found = []
    for word in words:
        x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
        holds = (word.x0 <= across) & (across <= word.x1) & (word.y0 <= down) & (down <= word.y1)
        lies = (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
        found.append(bool((holds | lies).any()))
    return found


def _as_drawn(words: Sequence[Word], drawn: Sequence[_Lettered]) -> list[Word]:
    """The words with the quotation marks and dashes that the page has."""
    fancy = [
        (clean(text), x0, y0, x1, y1)
        for text, x0, y0, x1, y1 in drawn
        if text != text.translate(_STRAIGHTENED)
    ]
    return [_with_marks(word, fancy) if _MARK.search(word.text) else word for word in words]


def _with_marks(word: Word, drawn: Sequence[_Lettered]) -> Word:
    """The word as it is drawn; liteparse cuts off full stops that a drawn word carries."""
    y = (word.y0 + word.y1) / 2
    for text, x0, y0, x1, y1 in drawn:
        if x0 < word.x1 and x1 > word.x0 and abs((y0 + y1) / 2 - y) < 0.6 * word.size:
            at = text.translate(_STRAIGHTENED).find(word.text)
            if at >= 0:
                return replace(word, text=text[at : at + len(word.text)])
    return word


def _unread(found: Sequence[_Lettered], words: Sequence[Word], run: int) -> list[Word]:
    """The words that stand where none has been read yet, set like their neighbours."""
    missing = []
    left, top_, right, bottom_ = (
        np.array([(w.x0, w.y0, w.x1, w.y1) for w in words]).reshape(-1, 4).T
    )
    for text, x0, y0, x1, y1 in found:
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        if ((left <= x) & (x <= right) & (top_ - 1 <= y) & (y <= bottom_ + 1)).any():
            continue
        beside = [w for w in words if w.y0 <= y <= w.y1] or words
        near = min(beside, key=lambda w: abs((w.x0 + w.x1) / 2 - x), default=None)
        if near is not None and (cleaned := clean(text).replace(" ", "")):
            top, bottom = (near.y0, near.y1) if near.y0 <= y <= near.y1 else (y0, y1)
            missing.append(Word(cleaned, x0, top, x1, bottom, near.size, False, run))
    return missing


_MARK = re.compile(r"['\"-]")
_STRAIGHTENED = str.maketrans("‘’“”‐‑–—−", "''\"\"-----")

_Lettered = tuple[str, float, float, float, float]
"""A word's text and x0, y0, x1, y1 from the page's top left."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A page letter by letter: the words that are shown, in the order in which the file draws them,
    those that are hidden, and how many there are in the unseen layer of a scan.
    """

    words: list[_Lettered]
    hidden: list[_Lettered]
    layer: int


class _Letters:
    """A PDF read letter by letter."""

    def __init__(self, path: Path) -> None:
        import pypdfium2

        self._document = pypdfium2.PdfDocument(path)
        self._surveyor = Surveyor()

    def page(self, number: int) -> _Drawn:
        """A page, from 1."""
        page = self._document[number - 1]
        text = page.get_textpage()
        letters = list(_letters_of(text, frame_of(page)))
        hidden = hidden_letters(self._surveyor, page, text, letters)
        if not (hidden.letters or hidden.layer):
            return _Drawn(list(_spelled(letters)), [], 0)

        def words(chosen: frozenset[int]) -> list[_Lettered]:
            """Those made of some letters: spaces, which are nobody's, part them."""
            every = enumerate(letters)
            return list(_spelled(one for at, one in every if at in chosen or one[0].isspace()))

        shown = frozenset(range(len(letters))) - hidden.letters
        return _Drawn(words(shown), words(hidden.letters), len(words(hidden.layer)))

    def outline(self) -> Iterator[Entry]:
        """The outline's entries that lead to a page: what pypdf finds, too, but in no time."""
        for item in self._document.get_toc():
            target = item.get_dest()
            page = target.get_index() if target else None
            if page is not None and (title := item.get_title()):
                yield Entry(title, item.level + 1, page + 1)

    def close(self) -> None:
        """Let go of the file."""
        self._document.close()


def _letters_of(text: Any, frame: Frame) -> Iterator[Letter]:  # noqa: ANN401
    """The letters of a pypdfium2 text page, in order."""
    from pypdfium2 import raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for at in range(text.count_chars()):
        raw.FPDFText_GetCharBox(text, at, left, right, bottom, top)
        x0, y0, x1, y1 = left.value, bottom.value, right.value, top.value
        if frame.degrees:
            box = frame.around((x0, y0, x1, y1))
        else:
            box = x0 - frame.left, frame.top - y1, x1 - frame.left, frame.top - y0
        yield chr(raw.FPDFText_GetUnicode(text, at)), box


def _spelled(letters: Iterable[Letter]) -> Iterator[_Lettered]:
    """Letters as words, cut at white space and new lines."""
    word, x0, y0, x1, y1 = "", 0.0, 0.0, 0.0, 0.0
    for letter, (start, low, end, high) in _whole(letters):
        if word and (letter.isspace() or start < x0 or start > x1 + 8):
            yield word, x0, y0, x1, y1
            word = ""
        if letter.isspace():
            continue
        if not word:
            x0, y0, x1, y1 = start, low, end, high
        word += letter
        y0, x1, y1 = min(y0, low), max(x1, end), max(y1, high)
    if word:
        yield word, x0, y0, x1, y1


def _whole(letters: Iterable[Letter]) -> Iterator[Letter]:
    """The letters with the two halves that PDFium makes of mathematical ones put together."""
    first = ""
    for letter, box in letters:
        if "\ud800" <= letter <= "\udbff":
            first = letter
        elif first or "\udc00" <= letter <= "\udfff":
            joined = (first + letter).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            yield joined, box
            first = ""
        else:
            yield letter, box


def _size(item: Any) -> float:  # noqa: ANN401
    """The font's size as set: some PDFs scale a font of size 1, and then only the height tells."""
    size, height = float(item.font_size or 0), float(item.height)
    return size if 0.6 * height < size < 1.8 * height else height


def _words(item: Any, run: int) -> list[Word]:  # noqa: ANN401
    size = _size(item)
    bold = (item.font_weight or 400) >= 600 or "bold" in (item.font_name or "").lower()
    words = []
    for box in item.words:
        text = clean(box.text)
        if text:
            words.append(
                Word(
                    text.replace(" ", ""),
                    box.x,
                    box.y,
                    box.x + box.width,
                    box.y + box.height,
                    size,
                    bold,
                    run,
                )
            )
    return words
