"""Blocks to chunks: pieces of one section that the embedder can read whole. Pure.

What is matched is small (some sentences, one row of a table), and what is shown with it is large
(the window of the section or the table it stands in). A window keeps the place of each of its
words, so whatever is quoted from it can be boxed.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from rag.sentences import sentences
from rag.types import Block, BlockKind, Cell, Cells, Chunk, Page, Reading, Span, Spans, Window

VERSION = "chunks-6"
TARGET_WORDS = 140
"""Words after which a chunk of prose is closed at the next sentence's end."""

WINDOW_WORDS = 280
"""Words that a window holds at most, unless one chunk alone has more: what one reads at a glance."""

_LONGEST_HEADING = 160
_LONGEST_CONTEXT = 240
"""Characters of what is repeated in each chunk: the text needs the room."""

_TABLE = re.compile(r"\bTab(?:le|\.)\s*([A-Z]?\d+)")

_RUNNING: frozenset[BlockKind] = frozenset({"paragraph", "list", "equation"})

CountTokens = Callable[[Sequence[str]], list[int]]
"""The word pieces of each text, special tokens included."""

Range = tuple[int, int]
"""(start, end) of characters."""


def search_text(chunk: Chunk) -> str:
    """What is embedded and indexed: the way to the chunk, its context, its text."""
    way = _way(chunk.reading, chunk.window.section)
    return "\n".join(part for part in (way, chunk.context, chunk.text) if part)


def _way(reading: Reading, section: tuple[str, ...]) -> str:
    return " > ".join(part[:_LONGEST_HEADING] for part in (reading.title, *section[-3:]))


def chunk_pages(
    reading: Reading, pages: Sequence[Page], count_tokens: CountTokens, max_tokens: int
) -> list[Chunk]:
    """A reading's chunks in reading order; none has more than ``max_tokens`` word pieces.

    Chunks of the same window stand behind each other and share it.
    """
    name = _Names(reading)
    chunks: list[Chunk] = []
    for draft in _drafts(pages):
        fitter = _Fitter(count_tokens, max_tokens, _way(reading, draft.section))
        for unnamed, pieces in draft.windows(fitter):
            on = unnamed.pages
            window = replace(unnamed, window_id=name("window", on, unnamed.text))
            for piece in pieces:
                chunk_id = name("chunk", on, window.text[piece.start : piece.end])
                chunks.append(
                    Chunk(chunk_id, reading, window, piece.start, piece.end, piece.context)
                )
    return chunks


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk to be: characters of a text, and what is searched with them."""

    start: int
    end: int
    context: str = ""


@dataclass(frozen=True, slots=True)
class _Fitter:
    """Sees to it that no piece has more word pieces than the embedder reads."""

    count_tokens: CountTokens
    max_tokens: int
    way: str

    def room(self, context: str) -> int:
        """The word pieces left for the text beside the way and the context."""
        said = "\n".join(part for part in (self.way, context) if part)
        return self.max_tokens - self.count_tokens([said])[0]

    def grouped(self, text: str, units: Sequence[Range], room: int, words: int) -> list[Range]:
        """Units (sentences, rows) that follow each other as pieces of at most ``room`` word
        pieces, closed before they have more than ``words`` words. A unit is cut only when it is
        too long alone.
        """
        units = self._small(text, units, room)
        sizes = self.count_tokens([text[a:b] for a, b in units])
        pieces: list[Range] = []
        tokens = count = 0
        for (low, high), size in zip(units, sizes, strict=True):
            more = len(text[low:high].split())
            if pieces and tokens + size <= room and count + more <= words:
                pieces[-1] = (pieces[-1][0], high)
            else:
                pieces.append((low, high))
                tokens = count = 0
            tokens, count = tokens + size, count + more
        return pieces

    def _small(self, text: str, units: Sequence[Range], room: int) -> list[Range]:
        """The units, those of more than ``room`` word pieces halved between words until they fit."""
        sizes = self.count_tokens([text[a:b] for a, b in units])
        result: list[Range] = []
        for (start, end), size in zip(units, sizes, strict=True):
            if size <= room or end - start < 2:
                result.append((start, end))
                continue
            middle = (start + end) // 2
            space = text.rfind(" ", start, middle)
            cut = space + 1 if space > start else middle
            result += self._small(text, [(start, cut), (cut, end)], room)
        return result


@dataclass(slots=True)
class _Draft:
    """Text that grows block by block and remembers where its words stand."""

    section: tuple[str, ...]
    kind: BlockKind
    text: str = ""
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

    def window(self, start: int, end: int) -> Window:
        """The part ``text[start:end]`` with what belongs to it."""
        return Window(
            "",
            self.section,
            self.kind,
            self.text[start:end],
            Spans.of(
                replace(s, start=s.start - start, end=s.end - start)
                for s in self.spans
                if s.start >= start and s.end <= end
            ),
            Cells.of(
                replace(c, start=c.start - start, end=c.end - start)
                for c in self.cells
                if c.start >= start and c.end <= end
            ),
        )

    def windows(self, fitter: _Fitter) -> Iterator[tuple[Window, list[_Piece]]]:
        """The draft's windows, each with its pieces, first to last."""
        units = [(a, b) for a, b in sentences(self.text) if self.text[a:b].strip()]
        pieces = fitter.grouped(self.text, units, fitter.room(""), TARGET_WORDS)
        for group in self._side_by_side(pieces):
            start, end = group[0][0], len(self.text[: group[-1][1]].rstrip())
            yield (
                self.window(start, end),
                [_Piece(a - start, min(b, end) - start) for a, b in group],
            )

    def _side_by_side(self, pieces: Sequence[Range]) -> Iterator[list[Range]]:
        """Pieces that fit into one window: as many words as one reads at a glance, on two pages."""
        group: list[Range] = []
        for piece in pieces:
            start = group[0][0] if group else piece[0]
            text = self.text[start : piece[1]]
            if group and (
                len(text.split()) > WINDOW_WORDS or len(self._pages(start, piece[1])) > 2
            ):
                yield group
                group = []
            group.append(piece)
        if group:
            yield group

    def _pages(self, start: int, end: int) -> set[int]:
        return {s.box.page for s in self.spans if s.start < end and s.end > start}


@dataclass(slots=True)
class _TableDraft:
    """A table: its caption and heads, the rows below them, and what the prose says of it."""

    section: tuple[str, ...]
    top: list[Block]
    rows: list[Block]
    told: str

    @classmethod
    def of(
        cls, section: tuple[str, ...], blocks: Sequence[Block], told: Mapping[str, str]
    ) -> _TableDraft:
        """``told`` are sentences by the numbers of the tables they refer to."""
        captions = [block for block in blocks if block.kind == "caption"]
        rows = [block for block in blocks if block.kind != "caption"]
        heads = list(takewhile(lambda block: block.level == 1, rows))
        number = next((m[1] for b in captions if (m := _TABLE.search(b.text))), "")
        return cls(section, captions + heads, rows[len(heads) :], told.get(number, ""))

    @property
    def caption(self) -> str:
        return " ".join(b.text for b in self.top if b.kind == "caption")[:_LONGEST_CONTEXT]

    def windows(self, fitter: _Fitter) -> Iterator[tuple[Window, list[_Piece]]]:
        """The table whole, or if it is long in parts that each begin with caption and heads."""
        for rows in self._parts():
            draft = _Draft(self.section, "table")
            lines: list[tuple[Block, int]] = []
            for block in [*self.top, *rows]:
                draft.add(block, "\n")
                lines.append((block, len(draft.text) - len(block.text)))
            window = draft.window(0, len(draft.text))
            if window.text:
                yield (
                    window,
                    [*self._together(window, fitter), *self._each(window.text, lines, fitter)],
                )

    def _parts(self) -> Iterator[list[Block]]:
        """Rows that fit into a window below caption and heads."""
        top = sum(len(block.text.split()) for block in self.top)
        part: list[Block] = []
        words = top
        for row in self.rows:
            count = len(row.text.split())
            if part and words + count > max(WINDOW_WORDS, top + 60):
                yield part
                part, words = [], top
            part.append(row)
            words += count
        yield part

    def _together(self, window: Window, fitter: _Fitter) -> Iterator[_Piece]:
        """Rows side by side: those further down are searched with caption and heads as well."""
        heads = " ".join(b.text for b in self.top if b.level == 1)[:_LONGEST_CONTEXT]
        context = "\n".join(part for part in (self.caption, heads) if part)
        room = min(fitter.room(context), fitter.room(self.told))
        ranges = fitter.grouped(window.text, _lines(window.text), room, WINDOW_WORDS)
        for number, (start, end) in enumerate(ranges):
            yield _Piece(start, end, context if number else self.told)

    def _each(
        self, text: str, lines: Sequence[tuple[Block, int]], fitter: _Fitter
    ) -> Iterator[_Piece]:
        """Each row under heads by itself: found by its label, its heads, its caption.

        A row of one cell names the rows below it ("English" over seven benchmarks), up to the next.
        """
        name = ""
        for block, at in lines:
            if block.level or len(block.cells) == 1:
                name = "" if block.level else block.text
            if block.level == 0 and sum(bool(cell.head) for cell in block.cells) > 1:
                named = (
                    f"{cell.head}: {block.text[cell.start : cell.end]}" for cell in block.cells
                )
                parts = (self.caption, name, " | ".join(named))
                context = "\n".join(part[:_LONGEST_CONTEXT] for part in parts if part)
                row = [(at, at + len(block.text))]
                for start, end in fitter.grouped(text, row, fitter.room(context), WINDOW_WORDS):
                    yield _Piece(start, end, context)


def _lines(text: str) -> list[Range]:
    lines, start = [], 0
    for line in text.split("\n"):
        lines.append((start, start + len(line)))
        start += len(line) + 1
    return lines


def _drafts(pages: Sequence[Page]) -> Iterator[_Draft | _TableDraft]:
    """Whole paragraphs of one section together; captions, notes and tables on their own."""
    path: list[tuple[int, str]] = []
    told = _told_of_tables(pages)
    running: _Draft | None = None
    aside: list[_Draft | _TableDraft] = []  # what floats within a paragraph comes behind it
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
                yield from ([running] if running else []) + aside
                running, aside = None, []
            elif block.kind in _RUNNING:
                if running is None:
                    running = _Draft(section, "paragraph")
                _continue(running, block)
            elif block.group:
                if rows := tables.pop((page.number, block.group), None):
                    aside.append(_TableDraft.of(section, rows, told))
            elif block.kind != "title":
                draft = _Draft(section, block.kind)
                draft.add(block, "")
                aside.append(draft)
    yield from ([running] if running else []) + aside


def _told_of_tables(pages: Sequence[Page]) -> dict[str, str]:
    """The first sentence of the prose that refers to each table, by the table's number."""
    told: dict[str, str] = {}
    for page in pages:
        for block in page.blocks:
            if block.kind in _RUNNING and _TABLE.search(block.text):
                for start, end in sentences(block.text):
                    for match in _TABLE.finditer(block.text, start, end):
                        told.setdefault(match[1], block.text[start:end][:_LONGEST_CONTEXT])
    return told


def _continue(draft: _Draft, block: Block) -> None:
    """Append a paragraph, joined to the one before if a column or page broke it in two."""
    before = draft.text[-1:]
    ended = before in ("", *".:?!”\"')") or _begins_below(draft, block)
    broken = block.kind != "list" and not ended
    if broken and before == "-" and block.text[:1].islower():
        # Only within a page the parser can tell a real hyphen by the page's own words.
        draft.text = draft.text[:-1]
        last = draft.spans[-1]
        draft.spans[-1] = replace(last, end=last.end - 1)
    draft.add(block, ("" if before == "-" else " ") if broken else "\n")


def _begins_below(draft: _Draft, block: Block) -> bool:
    """Whether a block starts a sentence right below the one before: a formula stands between them,
    or the one before lacks its full stop. What a column or page breaks goes on higher up.
    """
    if not (draft.spans and block.spans and block.text[:1].isupper()):
        return False
    last, first = draft.spans[-1].box, block.spans[0].box
    return last.page == first.page and first.y0 > last.y0


class _Names:
    """Names things by what they are: the same thing twice is told apart by its turn."""

    def __init__(self, reading: Reading) -> None:
        self._of = f"{reading.reading_id}|{reading.kind}"
        self._seen: Counter[str] = Counter()

    def __call__(self, what: str, pages: tuple[int, ...], text: str) -> str:
        """20 hex digits: the same after a rebuild."""
        place = f"{self._of}|{what}|{pages}|{text}"
        self._seen[place] += 1
        return hashlib.sha256(f"{place}|{self._seen[place]}".encode()).hexdigest()[:20]
