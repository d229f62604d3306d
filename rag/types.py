"""The values that flow through the pipeline, from a PDF's page to a cited answer.

Every value is frozen: one that gains a fact becomes another type, and nothing carries an
optional score or embedding. Provenance is an attribute walk:
``answer.citations[0].passage.chunk.reading.title``.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Literal, overload

ReadingKind = Literal["paper", "guide"]
BlockKind = Literal[
    "title", "heading", "paragraph", "list", "table", "caption", "equation", "footnote", "reference"
]
Status = Literal["quoted", "supported", "unsupported"]
VerdictStatus = Literal["quoted", "supported", "unsupported", "not_in_readings"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a physical page, in PDF points from the page's top left corner.

    ``page`` counts from 1. ``x0 < x1`` run left to right, ``y0 < y1`` top to bottom.
    """

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One document of the course, as it was found on disk.

    ``reading_id`` is the arXiv id, or the file's stem where the reading list does not know it.
    ``kind`` tells the paper itself from our guide that stands in for it.
    """

    reading_id: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    url: str
    licence: str
    kind: ReadingKind
    sha256: str
    path: Path

    @property
    def full_title(self) -> str:
        """The title, and that it is a guide of ours where it is one."""
        return self.title + (" (guide)" if self.kind == "guide" else "")

    @property
    def short_title(self) -> str:
        """The title up to its colon: what stands behind is a subtitle."""
        return self.title.split(":")[0].strip() or self.title


@dataclass(frozen=True, slots=True)
class Span:
    """The characters ``text[start:end]`` of a block or chunk stand in this box: one word of a page."""

    start: int
    end: int
    box: Box


@dataclass(frozen=True, slots=True)
class Spans(Sequence[Span]):
    """Spans as they lie on disk, each made into a Span only when it is looked at.

    ``packed`` holds seven 32-bit numbers a span: start, end, page, and the box in hundredths of a
    point, to which boxes are rounded. A passage has hundreds of spans, of which a page shows few.
    """

    packed: bytes

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Spans:
        """These spans, packed."""
        return cls(b"".join(_packed(span) for span in spans))

    @property
    def pages(self) -> tuple[int, ...]:
        """The physical pages they stand on, ascending."""
        return tuple(sorted(set(self._numbers(2).tolist())))

    def within(self, start: int, end: int) -> Iterator[Span]:
        """Those that share a character with ``start`` to before ``end``.

        They are to stand in the order of the text, as a window's do, none reaching into the next.
        """
        return map(self._at, self._within(start, end))

    def pages_within(self, start: int, end: int) -> list[int]:
        """The page of each of those, in their order, with repeats; no Span is made."""
        pages = self._numbers(2)
        return [pages[at] for at in self._within(start, end)]

    def goes_up(self, start: int, end: int) -> bool:
        """Whether one of those stands above the one before it, on the same page; no Span is made."""
        pages, tops, bottoms = map(self._numbers, (2, 4, 6))
        return any(
            pages[at] == pages[at + 1] and bottoms[at + 1] < tops[at]
            for at in self._within(start, end)[:-1]
        )

    def _within(self, start: int, end: int) -> range:
        """The indices of those."""
        return range(bisect_right(self._numbers(1), start), bisect_left(self._numbers(0), end))

    def _numbers(self, which: int) -> memoryview[int]:
        """The starts (0), the ends (1), the pages (2), the upper (4) or lower edges (6) of all."""
        return memoryview(self.packed).cast("i")[which::7]

    def __len__(self) -> int:
        return len(self.packed) // _SPAN.size

    def __iter__(self) -> Iterator[Span]:
        return map(_unpacked, _SPAN.iter_unpack(self.packed))

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | Sequence[Span]:
        if isinstance(index, slice):
            return tuple(self)[index]
        return self._at(range(len(self))[index])

    def _at(self, index: int) -> Span:
        return _unpacked(_SPAN.unpack_from(self.packed, index * _SPAN.size))


_SPAN = struct.Struct("=7i")


def _packed(span: Span) -> bytes:
    box = span.box
    sides = (round(side * 100) for side in (box.x0, box.y0, box.x1, box.y1))
    return _SPAN.pack(span.start, span.end, box.page, *sides)


def _unpacked(numbers: tuple[int, ...]) -> Span:
    start, end, page, x0, y0, x1, y1 = numbers
    return Span(start, end, Box(page, x0 / 100, y0 / 100, x1 / 100, y1 / 100))


@dataclass(frozen=True, slots=True)
class Cell:
    """The characters ``text[start:end]`` of a table row, and the heads of the column they stand in.

    ``head`` is what the page prints above the cell, outermost head first, and empty where there
    is none.
    """

    start: int
    end: int
    head: str


@dataclass(frozen=True, slots=True)
class Cells(Sequence[Cell]):
    """Cells as they lie on disk, each made into a Cell only when it is looked at.

    ``packed`` is JSON, a list of [start, end, head]. A search finds tables of hundreds of cells
    and looks at none; what quotes from a table does.
    """

    packed: str = "[]"

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> Cells:
        """These cells, packed."""
        listed = [[cell.start, cell.end, cell.head] for cell in cells]
        return cls(json.dumps(listed, ensure_ascii=False))

    def __len__(self) -> int:
        return len(json.loads(self.packed))

    def __iter__(self) -> Iterator[Cell]:
        return starmap(Cell, json.loads(self.packed))

    @overload
    def __getitem__(self, index: int) -> Cell: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Cell]: ...
    def __getitem__(self, index: int | slice) -> Cell | Sequence[Cell]:
        return tuple(self)[index]


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading, table row, caption … of a page, in reading order.

    ``level`` is a heading's depth from 1, 1 for a table's head row, and 0 for everything else.
    ``group`` is the same number for all rows and the caption of one table on its page, and 0
    outside tables. ``cells`` are a table row's, left to right.
    """

    kind: BlockKind
    text: str
    spans: tuple[Span, ...]
    level: int = 0
    group: int = 0
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One physical page: ``number`` from 1, ``label`` as printed, size in points.

    ``hidden`` words of it, which nobody sees, were left out. ``layer`` words were kept that nobody
    sees either: they stand behind the picture of a scanned page.
    """

    number: int
    label: str
    width: float
    height: float
    blocks: tuple[Block, ...]
    hidden: int = 0
    layer: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """The part of one section that is shown and cited when something in it is found.

    ``window_id`` hashes reading, place and text. ``section`` is the path of headings, outermost
    first. ``spans`` say where each word of ``text`` stands. A table's text starts with its
    caption and heads, one row a line.
    """

    window_id: str
    section: tuple[str, ...]
    kind: BlockKind
    text: str
    spans: Spans
    cells: Cells = Cells()

    @property
    def pages(self) -> tuple[int, ...]:
        """The physical pages the window stands on, ascending."""
        return self.spans.pages


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is matched: ``window.text[start:end]``, small enough for the embedder to read whole.

    ``chunk_id`` hashes reading, place and text: it is the same after a rebuild. ``context`` is
    what a reader of the page sees around the text but the text lacks (a table row's caption and
    column heads); it is searched with the text and never quoted.
    """

    chunk_id: str
    reading: Reading
    window: Window
    start: int
    end: int
    context: str = ""

    @property
    def text(self) -> str:
        """The words of the window that are matched."""
        return self.window.text[self.start : self.end]

    @property
    def above(self) -> tuple[str, ...]:
        """What tells what the text speaks of: the reading's title, its section's way, the context."""
        return (self.reading.title, *self.window.section, self.context)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk stands: its ``row`` in the index, its characters in its window, and how many
    characters of ``context`` and in all (``lead``) are searched in front of its own text.
    """

    row: int
    window_id: str
    start: int
    end: int
    context: int
    lead: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk found for a question, to be shown with its window.

    ``rank`` counts from 1; a higher ``score`` is better and means something only within one
    search. ``votes`` is what each retriever said, as (its name, its score).
    """

    chunk: Chunk
    rank: int
    score: float
    votes: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer that is copied from a passage: ``passage.chunk.window.text[start:end]``.

    ``text`` is what is said: those words, or for a table's row the cells that answer, each named
    by its row and column.
    """

    text: str
    passage: Passage
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What passages say to a sentence: ``passage.chunk.window.text[start:end]`` bears on it.

    ``passage`` is None where nothing does, and ``start`` and ``end`` are 0 then. "quoted" has the
    page's own words, from a sentence's beginning to a sentence's end.
    """

    status: VerdictStatus
    passage: Passage | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Citation:
    """The words of a passage that an answer's marker ``[n]`` stands for.

    ``quote`` is ``passage.chunk.window.text[start:end]``, copied by position; ``boxes`` cover those
    words, one box a line of the page. ``moved`` is true where the answer named another passage, or
    none, and these words bear it out.
    """

    marker: int
    passage: Passage
    quote: str
    boxes: tuple[Box, ...]
    status: Status
    moved: bool

    @property
    def pages(self) -> tuple[int, ...]:
        """The physical pages of the quote, ascending."""
        return tuple(sorted({box.page for box in self.boxes}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the assistant says to a question, with all it rests on.

    ``text`` carries the markers ``[n]`` of ``citations``. ``searched`` are the readings that
    were looked through. ``seconds`` are (stage, wall seconds). ``done`` is false while the text
    still grows. Where an LLM failed, ``notice`` says so in one line and ``unfinished`` is what it
    had written, incomplete and without citations; ``text`` is then another answer.
    """

    question: str
    text: str
    passages: tuple[Passage, ...]
    citations: tuple[Citation, ...]
    abstained: bool
    searched: tuple[Reading, ...]
    llm: str
    seconds: tuple[tuple[str, float], ...]
    done: bool
    notice: str = ""
    unfinished: str = ""
