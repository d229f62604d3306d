"""From a question to a cited answer. Knows protocols, no backend's name."""

from __future__ import annotations

import contextlib
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag import prompt
from rag.errors import LLMError, QuestionError
from rag.protocols import LLM, Bearing, Checker, Library, Quoter, Retriever
from rag.sentences import sentences
from rag.terms import terms
from rag.types import Answer, Box, Chunk, Citation, Page, Passage, Reading, Span, Statement, Status

LONGEST_QUESTION = 2000
"""Characters; what is longer is a text and not a question."""

MOST_PASSAGES = 1000
"""More passages than anyone reads; asking for more is a slip."""

_MAY_MISS = 0.3  # the share of a sentence's terms that its quote may lack


class Engine:
    """Searches a library and answers from what it finds; threads may share it.

    With a ``writer`` its LLM answers, and the quoter where that fails.
    """

    def __init__(
        self,
        library: Library,
        retriever: Retriever,
        quoter: Quoter,
        passages: int,
        writer: Writer | None = None,
    ) -> None:
        self._library = library
        self._retriever = retriever
        self._quoter = quoter
        self._passages = passages
        self._writer = writer

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The readings that can be asked, in the order of the reading list."""
        return self._library.readings

    def page(self, reading_id: str, number: int) -> Page:
        """One page of a reading. Raises ReadingError if there is no such page."""
        return self._library.page(reading_id, number)

    def find(self, chunk_id: str) -> Chunk | None:
        """The chunk of this id, or None: a citation that was kept is looked up again by it."""
        return self._library.find(chunk_id)

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
        """The answer as it grows; the last one is ``done``. Closing it ends an LLM's request.

        Raises what ``search`` raises, before the first answer.
        """
        question = _checked(question)
        started = time.perf_counter()
        passages = tuple(self.search(question, self._passages, readings))
        scope = tuple(r for r in self.readings if not readings or r.reading_id in readings)
        asked = _Asked(question, passages, scope, started, time.perf_counter())
        if self._writer is None or not passages:
            yield from self._quoted(asked)
            return
        said = ""
        try:
            for answer in self._writer.write(asked):
                said = " ".join(sentence.text for sentence in prompt.read(answer.text))
                yield answer
        except LLMError as error:
            yield from self._quoted(asked, prompt.failed(str(error)), said)

    def _quoted(self, asked: _Asked, notice: str = "", unfinished: str = "") -> Iterator[Answer]:
        """The answer in the readings' own words, one statement at a time."""
        name = self._quoter.name
        statements = self._quoter.quote(asked.question, asked.passages)
        if not statements:
            answer = asked.not_found(name)
            yield replace(answer, notice=notice, unfinished=unfinished)
        for count in range(1, len(statements) + 1):
            answer = _quoting(asked, statements[:count], name, done=count == len(statements))
            yield replace(answer, notice=notice, unfinished=unfinished)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with what was found for it, and the moments the search began and ended."""

    question: str
    passages: tuple[Passage, ...]
    searched: tuple[Reading, ...]
    started: float
    found: float

    def answer(
        self, text: str, citations: Sequence[Citation], llm: str, *, done: bool, abstained: bool
    ) -> Answer:
        """An answer to it, timed until now."""
        seconds = (
            ("search", self.found - self.started),
            ("answer", time.perf_counter() - self.found),
        )
        return Answer(
            self.question,
            text,
            self.passages,
            tuple(citations),
            abstained,
            self.searched,
            llm,
            seconds,
            done,
        )

    def not_found(self, llm: str) -> Answer:
        """The answer that there is none."""
        return self.answer(_not_found(self.searched), (), llm, done=True, abstained=True)


class Writer:
    """An LLM that answers from passages, and what compares its sentences with them."""

    def __init__(self, llm: LLM, checker: Checker) -> None:
        self._llm = llm
        self._checker = checker

    def write(self, asked: _Asked) -> Iterator[Answer]:
        """The answer as it grows, each sentence cited as soon as the next one begins.

        Raises LLMError where the LLM fails, before or after some of the answer has come.
        """
        llm = self._llm
        sent = prompt.fitted(asked.question, asked.passages, llm.context_window, llm.count_tokens)
        draft = _Draft(sent.passages, self._checker)
        text = ""
        with contextlib.closing(llm.stream(sent.messages)) as pieces:
            for piece in pieces:
                text += piece
                said = prompt.read(text, whole=False)
                if prompt.declines(said, whole=False):
                    said = []
                shown, citations = draft.shown(said, whole=False)
                yield asked.answer(shown, citations, llm.name, done=False, abstained=False)
                if len(text) > prompt.MOST_CHARACTERS:
                    raise LLMError(prompt.ran_on(llm.name))
        said = prompt.read(text)
        if not said:
            raise LLMError(prompt.empty(llm.name))
        if prompt.declines(said):
            yield asked.not_found(llm.name)
            return
        shown, citations = draft.shown(said, whole=True)
        yield asked.answer(shown, citations, llm.name, done=True, abstained=False)


class _Draft:
    """A written answer's sentences with their citations, each compared with its passages once."""

    def __init__(self, passages: Sequence[Passage], checker: Checker) -> None:
        self._passages = passages
        self._checker = checker
        self._checked: dict[prompt.Said, list[Bearing]] = {}

    def shown(self, said: Sequence[prompt.Said], *, whole: bool) -> tuple[str, list[Citation]]:
        """The text with markers that count from 1, one a citation, and the citations.

        The last sentence of an answer that is not whole has none yet.
        """
        parts: list[str] = []
        citations: list[Citation] = []
        for at, sentence in enumerate(said):
            parts.append(sentence.text)
            if whole or at < len(said) - 1:
                parts.append(self._cited(sentence, citations))
        return " ".join(parts), citations

    def _cited(self, sentence: prompt.Said, citations: list[Citation]) -> str:
        """A sentence's markers; its citations are appended."""
        there = [n for n in sentence.markers if 1 <= n <= len(self._passages)]
        cited = [self._passages[n - 1] for n in there]
        if cited and sentence not in self._checked:
            self._checked[sentence] = self._checker.check(sentence.text, cited)
        bearings = iter(zip(cited, self._checked.get(sentence, ()), strict=True))
        marks: list[str] = []
        for number in sentence.markers:
            if number in there:
                passage, (start, end, status) = next(bearings)
                citations.append(_citation(len(citations) + 1, passage, start, end, status))
                marks.append(prompt.marker(len(citations)))
            else:
                marks.append(prompt.points_nowhere(number))
        return " ".join(marks) or prompt.UNCITED


class Overlap:
    """A checker that only counts words: supported is what shares most of its terms and all of its
    numbers with one sentence or row of the passage.
    """

    def check(self, sentence: str, passages: Sequence[Passage]) -> list[Bearing]:
        """For each passage, in the order given, the sentence or row of it most like ours."""
        return [_most_alike(sentence, passage.chunk.window.text) for passage in passages]


def _most_alike(sentence: str, text: str) -> Bearing:
    wanted = set(terms(sentence))
    ranges = sentences(text) or [(0, len(text))]
    held = [wanted.intersection(terms(text[start:end])) for start, end in ranges]
    best = max(range(len(ranges)), key=lambda at: len(held[at]))
    start, end = ranges[best]
    if " ".join(sentence.split()) in " ".join(text[start:end].split()):
        return start, end, "quoted"
    missing = wanted - held[best]
    borne = len(missing) <= _MAY_MISS * len(wanted) and not any(
        any(map(str.isdigit, term)) for term in missing
    )
    return start, end, "supported" if borne else "unsupported"


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


def _quoting(asked: _Asked, statements: Sequence[Statement], llm: str, *, done: bool) -> Answer:
    text = " ".join(f"{s.text} {prompt.marker(at)}" for at, s in enumerate(statements, 1))
    citations = [
        _citation(at, s.passage, s.start, s.end, "quoted") for at, s in enumerate(statements, 1)
    ]
    return asked.answer(text, citations, llm, done=done, abstained=False)


def _citation(marker: int, passage: Passage, start: int, end: int, status: Status) -> Citation:
    window = passage.chunk.window
    boxes = line_boxes(window.spans.within(start, end))
    return Citation(marker, passage, window.text[start:end], boxes, status)


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
