"""The sentences and table rows of passages, each with what stands around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.sentences import sentences
from rag.terms import term_set
from rag.types import Passage, Window

LONGEST_UNIT = 2000
"""Characters of a sentence or row that are looked at."""

_MOST_PASSAGES = 40
_MOST_UNITS = 400  # of one passage: a window has tens, a hostile PDF may have more


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence or row that may bear on what is checked: ``window.text[start:end]``.

    ``text`` is what it says, a row with its column heads; ``before`` the sentence ahead of it,
    ``around`` what tells what it speaks of: title, section, caption and the sentences next to it.
    """

    passage: Passage
    start: int
    end: int
    text: str
    before: str
    around: str
    terms: frozenset[str]
    near: frozenset[str]
    """The terms of ``text`` and ``around``."""


def evidence(passages: Sequence[Passage]) -> Iterator[Unit]:
    """The sentences and rows of the passages, in their order."""
    for passage in passages[:_MOST_PASSAGES]:
        yield from _of(passage)


def _of(passage: Passage) -> Iterator[Unit]:
    chunk, window = passage.chunk, passage.chunk.window
    table = window.kind == "table"
    places = (_rows(window) if table else sentences(window.text))[:_MOST_UNITS]
    heading = ". ".join(chunk.above)[:LONGEST_UNIT]
    texts = [_with_heads(window, a, b) for a, b in places]
    found = [term_set(text) for text in texts]
    always = term_set(heading)
    for at, (start, end) in enumerate(places):
        beside = [0] if table else [n for n in (at - 2, at - 1, at + 1) if 0 <= n < len(texts)]
        around = ". ".join((heading, *(texts[n] for n in beside)))
        near = always.union(found[at], *(found[n] for n in beside))
        before = texts[at - 1] if at and not table else ""
        yield Unit(passage, start, end, texts[at], before, around, found[at], near)


def _rows(window: Window) -> list[tuple[int, int]]:
    """(start, end) of each line."""
    found, start = [], 0
    for line in window.text.split("\n"):
        if line.strip():
            found.append((start, start + len(line)))
        start += len(line) + 1
    return found


def _with_heads(window: Window, start: int, end: int) -> str:
    """What a sentence or row says, each cell of a row behind its column's head."""
    cells = [cell for cell in window.cells if start <= cell.start and cell.end <= end]
    if not any(cell.head for cell in cells):
        return window.text[start:end][:LONGEST_UNIT]
    said = (f"{cell.head}: {window.text[cell.start : cell.end]}".lstrip(": ") for cell in cells)
    return "; ".join(said)[:LONGEST_UNIT]
