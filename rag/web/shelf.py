"""What each reading contains: its pages and sections, as the index has them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from rag.engine import Engine
from rag.errors import ReadingError
from rag.types import Page, Reading

_MOST_PAGES = 3000
_MOST_SECTIONS = 400
_LONGEST_TITLE = 160


@dataclass(frozen=True, slots=True)
class Section:
    """A heading: ``level`` is its depth and ``page`` where it stands, both from 1."""

    title: str
    level: int
    page: int


@dataclass(frozen=True, slots=True)
class Contents:
    """How many pages a reading has, and its sections in order."""

    pages: int
    sections: tuple[Section, ...]

    def section_at(self, page: int) -> str:
        """The section that a page begins in, or else the first that begins on it; "" for none."""
        before = [s.title for s in self.sections if s.page < page]
        here = [s.title for s in self.sections if s.page == page]
        return before[-1] if before else here[0] if here else ""


class Shelf:
    """The contents of an engine's readings, each looked through once; threads may share it."""

    def __init__(self, engine: Engine, left_out: Sequence[tuple[str, str]] = ()) -> None:
        """``left_out`` are the readings that could not be used, as (name, why)."""
        self._engine = engine
        self._contents: dict[str, Contents] = {}
        self._lock = threading.Lock()
        self.left_out = tuple(left_out)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The readings, in the order of the reading list."""
        return self._engine.readings

    def reading(self, reading_id: str) -> Reading:
        """A reading by its id. Raises ReadingError for an unknown one."""
        for reading in self._engine.readings:
            if reading.reading_id == reading_id:
                return reading
        raise ReadingError("There is no such reading here. The shelf lists those that are.")

    def contents(self, reading_id: str) -> Contents:
        """A reading's contents. Raises ReadingError for an unknown one."""
        self.reading(reading_id)
        with self._lock:
            if reading_id not in self._contents:
                self._contents[reading_id] = _contents(self._engine, reading_id)
            return self._contents[reading_id]


def _contents(engine: Engine, reading_id: str) -> Contents:
    sections: list[Section] = []
    for number in range(1, _MOST_PAGES + 1):
        try:
            page = engine.page(reading_id, number)
        except ReadingError:
            return Contents(number - 1, tuple(sections[:_MOST_SECTIONS]))
        sections += _headings(page)
    return Contents(_MOST_PAGES, tuple(sections[:_MOST_SECTIONS]))


def _headings(page: Page) -> list[Section]:
    return [
        Section(" ".join(block.text.split())[:_LONGEST_TITLE], max(block.level, 1), page.number)
        for block in page.blocks
        if block.kind == "heading" and block.text.strip()
    ]
