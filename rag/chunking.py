"""Blocks to chunks: pieces of one section that the embedder can read whole. Pure.

A chunk keeps the place of each of its words, so whatever is quoted from it can be boxed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from rag.sentences import sentences
from rag.types import Block, BlockKind, Cell, Chunk, Page, Reading, Span

VERSION = "chunks-3"
TARGET_WORDS = 140
"""Words after which a chunk of prose is closed at the next sentence's end."""

_LONGEST_HEADING = 160
_LONGEST_CONTEXT = 240
"""Characters of what is repeated in each chunk: the text needs the room."""

_RUNNING: frozenset[BlockKind] = frozenset({"paragraph", "list", "equation"})


def search_text(chunk: Chunk) -> str:
    """What is embedded and indexed: the way to the chunk, its context, its text."""
    way = " > ".join(part[:_LONGEST_HEADING] for part in (chunk.reading.title, *chunk.section[-3:]))
    return "\n".join(part for part in (way, chunk.context, chunk.text) if part)


def chunk_pages(
    reading: Reading,
    pages: Sequence[Page],
    count_tokens: Callable[[Sequence[str]], list[int]],
    max_tokens: int,
) -> list[Chunk]:
    """A reading's chunks in reading order; none has more than ``max_tokens`` word pieces."""
    chunks = [
        part for draft in _drafts(pages) for part in _fit(reading, draft, count_tokens, max_tokens)
    ]
    return _numbered(chunks)


@dataclass(slots=True)
class _Draft:
    """Text that grows block by block and remembers where its words stand."""

    section: tuple[str, ...]
    kind: BlockKind
    text: str = ""
    context: str = ""
    spans: list[Span] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    def add(self, block: Block, glue: str) -> None:
        """Append a block's text behind ``glue``."""
        if self.text:
            self.text += glue
        at = len(self.text)
        self.text += block.text
        self.spans += [replace(s, start=s.start + at, end=s.end + at) for s in block.spans]
        self.cells += [replace(c, start=c.start + at, end=c.end + at) for c in block.cells]

    def cut(self, start: int, end: int) -> _Draft:
        """The part ``text[start:end]`` with what belongs to it."""
        return _Draft(
            self.section,
            self.kind,
            self.text[start:end],
            self.context,
            [
                replace(s, start=s.start - start, end=s.end - start)
                for s in self.spans
                if s.start >= start and s.end <= end
            ],
            [
                replace(c, start=c.start - start, end=c.end - start)
                for c in self.cells
                if c.start >= start and c.end <= end
            ],
        )


def _drafts(pages: Sequence[Page]) -> Iterator[_Draft]:
    """Whole paragraphs of one section together; captions, notes and tables on their own."""
    path: list[tuple[int, str]] = []
    running: _Draft | None = None
    aside: list[_Draft] = []  # what floats between two halves of a paragraph comes behind it
    tables = {
        (page.number, block.group): [b for b in page.blocks if b.group == block.group]
        for page in pages
        for block in page.blocks
        if block.group
    }
    for page in pages:
        for block in page.blocks:
            section = tuple(text for _, text in path)
            if block.kind == "heading":
                path = [(level, text) for level, text in path if level < block.level]
                path.append((block.level, block.text))
                yield from _closed(running, aside)
                running, aside = None, []
            elif block.kind in _RUNNING:
                if running is None:
                    running = _Draft(section, "paragraph")
                _continue(running, block)
            elif block.group:
                rows = tables.pop((page.number, block.group), None)
                aside += [_table(section, rows), *_each_row(section, rows)] if rows else []
            elif block.kind != "title":
                draft = _Draft(section, block.kind)
                draft.add(block, "")
                aside.append(draft)
    yield from _closed(running, aside)


def _closed(running: _Draft | None, aside: Sequence[_Draft]) -> list[_Draft]:
    return [draft for draft in ([running] if running else []) + list(aside) if draft.text]


def _continue(draft: _Draft, block: Block) -> None:
    """Append a paragraph, joined to the one before if a column or page broke it in two."""
    before = draft.text[-1:]
    broken = block.kind != "list" and before not in ("", *".:?!”\"')")
    if broken and before == "-" and block.text[:1].islower():
        # Only within a page the parser can tell a real hyphen by the page's own words.
        draft.text = draft.text[:-1]
        last = draft.spans[-1]
        draft.spans[-1] = replace(last, end=last.end - 1)
    draft.add(block, ("" if before == "-" else " ") if broken else "\n")


def _table(section: tuple[str, ...], rows: Sequence[Block]) -> _Draft:
    """A table with its caption first, one row a line."""
    draft = _Draft(section, "table")
    for block in sorted(rows, key=lambda b: b.kind != "caption"):
        draft.add(block, "\n")
    heads = "\n".join(b.text for b in rows if b.level == 1)
    caption = "\n".join(b.text for b in rows if b.kind == "caption")
    draft.context = "\n".join(part[:_LONGEST_CONTEXT] for part in (caption, heads) if part)
    return draft


def _each_row(section: tuple[str, ...], rows: Sequence[Block]) -> Iterator[_Draft]:
    """Each row with figures under heads by itself: found by its label, its heads, its caption.

    A row of one cell names the rows below it ("English" over seven benchmarks), up to the next.
    """
    caption = next((block.text for block in rows if block.kind == "caption"), "")
    name = ""
    for block in rows:
        if block.level or len(block.cells) == 1:
            name = "" if block.level else block.text
        if block.level == 0 and sum(bool(cell.head) for cell in block.cells) > 1:
            named = (f"{cell.head}: {block.text[cell.start : cell.end]}" for cell in block.cells)
            draft = _Draft(section, "table")
            draft.add(block, "")
            parts = (caption, name, " | ".join(named))
            draft.context = "\n".join(part[:_LONGEST_CONTEXT] for part in parts if part)
            yield draft


def _fit(
    reading: Reading,
    draft: _Draft,
    count_tokens: Callable[[Sequence[str]], list[int]],
    max_tokens: int,
) -> Iterator[Chunk]:
    """The draft as chunks: cut between sentences or rows, and inside a sentence only when one
    alone is too long.
    """
    room = max_tokens - count_tokens([search_text(_empty(reading, draft))])[0]
    units = _small(_units(draft), draft, count_tokens, room)
    sizes = count_tokens([draft.text[a:b] for a, b in units])
    start: int | None = None
    tokens = words = end = 0
    for (low, high), size in zip(units, sizes, strict=True):
        count = len(draft.text[low:high].split())
        full = tokens + size > room or (draft.kind != "table" and words + count > TARGET_WORDS)
        if start is not None and full:
            yield _chunk(reading, draft.cut(start, end))
            start = None
        if start is None:
            start, tokens, words = low, 0, 0
        tokens, words, end = tokens + size, words + count, high
    if start is not None:
        yield _chunk(reading, draft.cut(start, end))


def _units(draft: _Draft) -> list[tuple[int, int]]:
    """What is not cut without need: sentences, or the rows of a table."""
    ranges = _rows(draft.text) if draft.kind == "table" else sentences(draft.text)
    return [(a, b) for a, b in ranges if draft.text[a:b].strip()]


def _small(
    units: Sequence[tuple[int, int]],
    draft: _Draft,
    count_tokens: Callable[[Sequence[str]], list[int]],
    room: int,
) -> list[tuple[int, int]]:
    """The units, those of more than ``room`` tokens halved between words until they fit."""
    sizes = count_tokens([draft.text[a:b] for a, b in units])
    result = []
    for (start, end), size in zip(units, sizes, strict=True):
        if size <= room or end - start < 2:
            result.append((start, end))
            continue
        middle = (start + end) // 2
        breaks = [span.start for span in draft.spans if start < span.start < end]
        cut = min(breaks, key=lambda at: abs(at - middle), default=middle)
        result += _small([(start, cut), (cut, end)], draft, count_tokens, room)
    return result


def _rows(text: str) -> list[tuple[int, int]]:
    rows, start = [], 0
    for line in text.split("\n"):
        rows.append((start, start + len(line)))
        start += len(line) + 1
    return rows


def _empty(reading: Reading, draft: _Draft) -> Chunk:
    """What every chunk of the draft carries besides its text."""
    return Chunk("", reading, draft.section, draft.kind, "", draft.context, ())


def _chunk(reading: Reading, draft: _Draft) -> Chunk:
    text = draft.text.rstrip()
    return Chunk(
        "",
        reading,
        draft.section,
        draft.kind,
        text,
        _missing(draft.context, text),
        tuple(draft.spans),
        tuple(draft.cells),
    )


def _missing(context: str, text: str) -> str:
    """The lines of the context that the text does not hold itself."""
    lines = context.split("\n")
    return "\n".join(line for line in lines if line not in text)


def _numbered(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Chunks with ids: the same text twice on the same pages is told apart by its turn."""
    seen: dict[str, int] = {}
    result = []
    for chunk in chunks:
        place = f"{chunk.reading.reading_id}|{chunk.reading.kind}|{chunk.pages}|{chunk.text}"
        seen[place] = seen.get(place, -1) + 1
        digest = hashlib.sha256(f"{place}|{seen[place]}".encode()).hexdigest()
        result.append(replace(chunk, chunk_id=digest[:20]))
    return result
