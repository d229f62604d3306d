"""From a question to a cited answer. Knows protocols, no backend's name."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from rag.errors import QuestionError
from rag.protocols import Library, Quoter, Retriever
from rag.types import Answer, Box, Citation, Page, Passage, Reading, Span, Statement

LONGEST_QUESTION = 2000
"""Characters; what is longer is a text and not a question."""

MOST_PASSAGES = 1000
"""More passages than anyone reads; asking for more is a slip."""


class Engine:
    """Searches a library and answers from what it finds; threads may share it."""

    def __init__(
        self, library: Library, retriever: Retriever, quoter: Quoter, passages: int
    ) -> None:
        self._library = library
        self._retriever = retriever
        self._quoter = quoter
        self._passages = passages

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The readings that can be asked, in the order of the reading list."""
        return self._library.readings

    def page(self, reading_id: str, number: int) -> Page:
        """One page of a reading. Raises ReadingError if there is no such page."""
        return self._library.page(reading_id, number)

    def search(
        self, question: str, k: int = 10, readings: frozenset[str] | None = None
    ) -> list[Passage]:
        """The at most k best passages, best first.

        Raises QuestionError for a question that cannot be asked or a k out of range, and
        ReadingError for an unknown reading.
        """
        if not 1 <= k <= MOST_PASSAGES:
            raise QuestionError(f"Ask for 1 to {MOST_PASSAGES} passages, not {k}.")
        return self._retriever.retrieve(_checked(question), k, readings or None)

    def ask(self, question: str, readings: frozenset[str] | None = None) -> Iterator[Answer]:
        """The answer as it grows, one statement at a time; the last one is ``done``.

        Raises what ``search`` raises, before the first answer.
        """
        question = _checked(question)
        started = time.perf_counter()
        passages = tuple(self.search(question, self._passages, readings))
        searched = time.perf_counter()
        statements = self._quoter.quote(question, passages)
        seconds = (
            ("search", searched - started),
            ("answer", time.perf_counter() - searched),
        )
        scope = tuple(r for r in self.readings if not readings or r.reading_id in readings)
        for count in range(1, len(statements) + 1):
            yield _answer(
                question,
                passages,
                statements[:count],
                scope,
                seconds,
                self._quoter.name,
                done=count == len(statements),
            )
        if not statements:
            yield Answer(
                question,
                _not_found(scope),
                passages,
                (),
                True,
                scope,
                self._quoter.name,
                seconds,
                True,
            )


def _checked(question: str) -> str:
    """The question without control characters. Raises QuestionError if it cannot be asked."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in question)
    kept = " ".join(kept.split())
    if not kept:
        raise QuestionError("The question is empty: type what you want to know.")
    if len(kept) > LONGEST_QUESTION:
        raise QuestionError(
            f"The question has {len(kept):,} characters; ask one of at most {LONGEST_QUESTION:,}."
        )
    return kept


def _answer(
    question: str,
    passages: tuple[Passage, ...],
    statements: Sequence[Statement],
    searched: tuple[Reading, ...],
    seconds: tuple[tuple[str, float], ...],
    llm: str,
    *,
    done: bool,
) -> Answer:
    text = " ".join(f"{s.text} [{at}]" for at, s in enumerate(statements, 1))
    citations = tuple(_citation(at, s) for at, s in enumerate(statements, 1))
    return Answer(question, text, passages, citations, False, searched, llm, seconds, done)


def _citation(marker: int, statement: Statement) -> Citation:
    window = statement.passage.chunk.window
    boxes = line_boxes(window.spans.within(statement.start, statement.end))
    quote = window.text[statement.start : statement.end]
    return Citation(marker, statement.passage, quote, boxes, "quoted")


def line_boxes(spans: Iterable[Span]) -> tuple[Box, ...]:
    """Words that follow each other as one box a line of the page."""
    boxes: list[Box] = []
    for box in (span.box for span in spans):
        last = boxes[-1] if boxes else None
        if last and _same_line(last, box):
            boxes[-1] = Box(
                last.page,
                min(last.x0, box.x0),
                min(last.y0, box.y0),
                max(last.x1, box.x1),
                max(last.y1, box.y1),
            )
        else:
            boxes.append(box)
    return tuple(boxes)


def _same_line(left: Box, right: Box) -> bool:
    """Whether ``right`` goes on where ``left`` stands, rather than on the next line or column."""
    overlap = min(left.y1, right.y1) - max(left.y0, right.y0)
    height = min(left.y1 - left.y0, right.y1 - right.y0)
    return left.page == right.page and overlap > 0.5 * height and right.x0 > left.x0


def _not_found(searched: Sequence[Reading]) -> str:
    titles = "; ".join(reading.title for reading in searched)
    return (
        f"I did not find an answer to this in what I searched: {titles}. "
        "The nearest passages are listed with this answer; other words may find more."
    )
