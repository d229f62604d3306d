"""How well a reading could be read, for the teacher who looks after the readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.types import Chunk, Page, Reading, ReadingKind


@dataclass(frozen=True, slots=True)
class ReadingHealth:
    """How well one reading could be read.

    ``pages`` is their number, ``empty_pages`` the numbers of those without text, ``blocks`` is
    (kind, how many). ``longest_chunk_tokens`` counts word pieces of the searched text, special
    tokens included. ``problems`` are sentences for people, none if all is well.
    """

    reading_id: str
    title: str
    kind: ReadingKind
    pages: int
    empty_pages: tuple[int, ...]
    blocks: tuple[tuple[str, int], ...]
    chunks: int
    longest_chunk_tokens: int
    problems: tuple[str, ...]


_LAYER = (
    "Scanned: nobody sees the words that were read but a picture that should say the same, page"
)


def examine(reading: Reading, pages: Sequence[Page], chunks: Sequence[Chunk]) -> ReadingHealth:
    """How well a reading could be read; its longest chunk is measured when it is embedded."""
    empty = tuple(p.number for p in pages if not any(b.text.strip() for b in p.blocks))
    kinds = Counter(str(block.kind) for page in pages for block in page.blocks)
    windows = {chunk.window.window_id: chunk.window for chunk in chunks}.values()
    adrift = sum(not window.spans for window in windows)
    garbled = sum(window.text.count("\N{REPLACEMENT CHARACTER}") for window in windows)
    layered = [str(page.number) for page in pages if page.layer]
    problems = [
        (bool(empty), f"No text on page {', '.join(map(str, empty))}."),
        (not kinds["heading"], "No headings were found, so its passages name no section."),
        (adrift > 0, f"{adrift} of {len(windows)} passages cannot be marked on their page."),
        (garbled > 0, f"{garbled} characters could not be read."),
        (any(p.hidden for p in pages), f"Hidden words were left out: {_counted(pages)}."),
        (bool(layered), f"{_LAYER} {', '.join(layered)}."),
    ]
    return ReadingHealth(
        reading_id=reading.reading_id,
        title=reading.title,
        kind=reading.kind,
        pages=len(pages),
        empty_pages=empty,
        blocks=tuple(sorted(kinds.items())),
        chunks=len(chunks),
        longest_chunk_tokens=0,
        problems=tuple(text for holds, text in problems if holds),
    )


def _counted(pages: Sequence[Page]) -> str:
    """How many hidden words each page has, and none of them."""
    return ", ".join(f"{page.hidden} on page {page.number}" for page in pages if page.hidden)
