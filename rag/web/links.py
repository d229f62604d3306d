"""Where something stands, as a link says it: ``?reading=ID&page=9&cite=CHUNK.START.END``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlencode

from rag.citations import line_boxes
from rag.types import Box, Chunk, Citation, Passage

_CITE = re.compile(r"([0-9a-zA-Z]{1,64})\.(\d{1,7})\.(\d{1,7})")
_PAGE = re.compile(r"\d{1,6}")


class Finder(Protocol):
    """Knows chunks by their ids."""

    def find(self, chunk_id: str) -> Chunk | None:
        """The chunk, or None where there is none of this id any more."""
        ...


@dataclass(frozen=True, slots=True)
class Quoted:
    """The words ``window.text[start:end]`` of the window that the chunk stands in."""

    chunk_id: str
    start: int
    end: int

    @classmethod
    def of(cls, citation: Citation) -> Quoted:
        """Where a citation's quote stands; of equal words, those that its boxes cover."""
        chunk = citation.passage.chunk
        text, length = chunk.window.text, len(citation.quote)
        starts = [m.start() for m in re.finditer(f"(?={re.escape(citation.quote)})", text)]
        for start in starts[1:]:
            if line_boxes(chunk.window.spans.within(start, start + length)) == citation.boxes:
                return cls(chunk.chunk_id, start, start + length)
        start = starts[0] if starts else 0
        return cls(chunk.chunk_id, start, start + length)


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a reading, and perhaps a quote on it; ``page`` counts from 1."""

    reading_id: str
    page: int
    quoted: Quoted | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Place | None:
        """The place that a link's query names, None where it names none."""
        reading_id, page = query.get("reading", ""), query.get("page", "1")
        if not reading_id or len(reading_id) > 300 or not _PAGE.fullmatch(page):
            return None
        match = _CITE.fullmatch(query.get("cite", ""))
        quoted = Quoted(match[1], int(match[2]), int(match[3])) if match else None
        return cls(reading_id, int(page), quoted)

    @classmethod
    def of_citation(cls, citation: Citation) -> Place:
        """Where a citation's quote begins."""
        return cls(
            citation.passage.chunk.reading.reading_id,
            min(citation.pages, default=min(citation.passage.chunk.window.pages, default=1)),
            Quoted.of(citation),
        )

    @classmethod
    def of_passage(cls, passage: Passage) -> Place:
        """Where a found chunk begins, with its own text as the quote."""
        chunk = passage.chunk
        boxes = line_boxes(chunk.window.spans.within(chunk.start, chunk.end))
        page = min((box.page for box in boxes), default=1)
        quoted = Quoted(chunk.chunk_id, chunk.start, chunk.end)
        return cls(chunk.reading.reading_id, page, quoted)

    def at(self, page: int) -> Place:
        """Another page of the same reading, the quote kept."""
        return replace(self, page=page)

    @property
    def query(self) -> str:
        """What follows the question mark of its link."""
        fields = {"reading": self.reading_id, "page": str(self.page)}
        if self.quoted:
            fields["cite"] = f"{self.quoted.chunk_id}.{self.quoted.start}.{self.quoted.end}"
        return urlencode(fields)


@dataclass(frozen=True, slots=True)
class Found:
    """A quote as it stands in the readings now."""

    chunk: Chunk
    text: str
    boxes: tuple[Box, ...]


def look_up(place: Place, finder: Finder) -> Found | None:
    """The quote of a place; None where its chunk is gone, or another reading's, or shorter."""
    quoted = place.quoted
    chunk = finder.find(quoted.chunk_id) if quoted else None
    if quoted is None or chunk is None or chunk.reading.reading_id != place.reading_id:
        return None
    text = chunk.window.text[quoted.start : quoted.end]
    boxes = line_boxes(chunk.window.spans.within(quoted.start, quoted.end))
    return Found(chunk, text, boxes) if text.strip() and boxes else None
