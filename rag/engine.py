"""From a question to a cited answer. Knows protocols, no backend's name."""

from __future__ import annotations

import contextlib
import itertools
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag import conversation, prompt
from rag.citations import Draft, citation
from rag.errors import LLMError, QuestionError
from rag.meaning import Meaning
from rag.plain import plain
from rag.protocols import LLM, Checker, Library, Quoter, Retriever
from rag.terms import located_terms, rarity, term_set
from rag.types import Answer, Chunk, Citation, Page, Passage, Reading, Statement

LONGEST_QUESTION = 2000
"""Characters; what is longer is a text and not a question."""

MOST_PASSAGES = 1000
"""More passages than anyone reads; asking for more is a slip."""

_MOST_TITLES = 4  # of readings that are named where nothing was found
_MOST_ABSENT = 4  # words that are said to be missing
_RARE = 0.45  # how rare in English a word is that alone makes a passage near
_NEAREST = 2  # passages whose topics are named
_LONGEST_HEADING = 80  # characters


class Engine:
    """Searches a library and answers from what it finds; threads may share it.

    With a ``writer`` its LLM answers, and the quoter where that fails.
    """

    def __init__(
        self,
        library: Library,
        retriever: Retriever,
        quoter: Quoter,
        meaning: Meaning,
        passages: int,
        writer: Writer | None = None,
    ) -> None:
        self._library = library
        self._retriever = retriever
        self._quoter = quoter
        self._meaning = meaning
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

    def self_contained(self, question: str, earlier: Sequence[tuple[str, str]]) -> str:
        """The question as it is meant after ``earlier`` ones; itself where it needs nothing.

        Those are (question, answer) each, oldest first: the question as it was asked in the end,
        the answer or "". Raises QuestionError for a question that cannot be asked.
        """
        question = _checked(question)
        asked = [_checked(one) for one, _ in earlier[-conversation.LONGEST_MEMORY :]]
        by_rule = conversation.self_contained(question, asked, self._meaning.names, self._asked_of)
        if by_rule == question or len(by_rule) > LONGEST_QUESTION:
            return question
        if self._writer is None:
            return by_rule
        titles = [reading.title for reading in self.readings]
        return self._writer.meant(question, earlier[-len(asked) :], titles) or by_rule

    def meant(self, question: str, earlier: Sequence[str]) -> str:
        """The question after others whose answers are not known; as it is where there are none."""
        return (
            self.self_contained(question, [(one, "") for one in earlier]) if earlier else question
        )

    @property
    def quotes(self) -> bool:
        """Whether answers are the readings' own words, and no LLM is asked."""
        return self._writer is None

    def _asked_of(self, question: str) -> list[str]:
        """The reading that a question finds first."""
        found = self._retriever.retrieve(question, 1)
        return [passage.chunk.reading.reading_id for passage in found]

    def ask(self, question: str, readings: frozenset[str] | None = None) -> Iterator[Answer]:
        """The answer as it grows; the last one is ``done``. Closing it ends an LLM's request.

        Raises what ``search`` raises, before the first answer.
        """
        question = _checked(question)
        started = time.perf_counter()
        passages = tuple(self.search(question, self._passages, readings))
        scope = tuple(r for r in self.readings if not readings or r.reading_id in readings)
        absent = tuple(self._meaning.mentions.absent(question, readings or None))
        asked = _Asked(question, passages, scope, absent, started, time.perf_counter())
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
        statements = _by_reading(self._quoter.quote(asked.question, asked.passages))
        if not statements:
            answer = asked.not_found(name)
            yield replace(answer, notice=notice, unfinished=unfinished)
        for count in range(1, len(statements) + 1):
            answer = _quoting(asked, statements[:count], name, done=count == len(statements))
            yield replace(answer, notice=notice, unfinished=unfinished)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with what was found for it, and the moments the search began and ended.

    ``absent`` are its rare words that stand nowhere in what was searched.
    """

    question: str
    passages: tuple[Passage, ...]
    searched: tuple[Reading, ...]
    absent: tuple[str, ...]
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
        """The answer that there is none, with the passages that are near."""
        near = tuple(passage for passage in self.passages if _near(self.question, passage))
        text = _not_found(self.searched, self.absent, near)
        answer = self.answer(text, (), llm, done=True, abstained=True)
        return replace(answer, passages=near)


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
        draft = Draft(sent.passages, asked.passages, self._checker)
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

    def meant(
        self, question: str, earlier: Sequence[tuple[str, str]], titles: Sequence[str]
    ) -> str:
        """A follow-up as the LLM makes it stand by itself, or "" where what it says is of no use."""
        text = ""
        try:
            messages = prompt.meant(question, earlier, titles)
            with contextlib.closing(self._llm.stream(messages)) as pieces:
                for piece in pieces:
                    text += piece
                    if len(text) > prompt.MOST_CHARACTERS:
                        return ""
        except LLMError:
            return ""
        said = prompt.meant_as(text)
        known = [*itertools.chain(*earlier), *titles]
        return said if conversation.usable(said, question, known) else ""


def _checked(question: str) -> str:
    """The question without control characters. Raises QuestionError if it cannot be asked."""
    kept = plain(question)
    if not kept:
        raise QuestionError("The question is empty: type what you want to know.")
    if len(kept) > LONGEST_QUESTION:
        raise QuestionError(
            f"The question has {len(kept):,} characters; ask one of at most {LONGEST_QUESTION:,}."
        )
    return kept


def _quoting(asked: _Asked, statements: Sequence[Statement], llm: str, *, done: bool) -> Answer:
    said = [prompt.unmarked(statement.text) for statement in statements]
    text = " ".join(f"{words} {prompt.marker(at)}" for at, words in enumerate(said, 1))
    citations = [
        citation(at, s.passage, s.start, s.end, "quoted") for at, s in enumerate(statements, 1)
    ]
    return asked.answer(text, citations, llm, done=done, abstained=False)


def _by_reading(statements: Sequence[Statement]) -> list[Statement]:
    """What each reading says together, under its short title where there are several."""
    parts: dict[str, list[Statement]] = {}
    for statement in statements:
        parts.setdefault(statement.passage.chunk.reading.title, []).append(statement)
    if len(parts) < 2:
        return list(statements)
    titled = []
    for said in parts.values():
        title = said[0].passage.chunk.reading.short_title
        first = replace(said[0], text=f"{title}: {said[0].text}")
        titled += [first, *said[1:]]
    return titled


def _near(question: str, passage: Passage) -> bool:
    """Whether a passage speaks of the question's matter: a search finds the next best for any."""
    there = term_set(" ".join((*passage.chunk.above, passage.chunk.window.text)))
    shared = {
        term: rarity(question[start:end])
        for term, start, end in located_terms(question)
        if term in there and not any(map(str.isdigit, term))
    }
    return len(shared) > 1 or any(rare >= _RARE for rare in shared.values())


def _not_found(
    searched: Sequence[Reading], absent: Sequence[str], passages: Sequence[Passage]
) -> str:
    """That nothing answers, which words are missing, and what the nearest passages are about.

    It says what was searched and not that the readings are silent: a search may miss.
    """
    titles = "; ".join(reading.title for reading in searched[:_MOST_TITLES])
    others = len(searched) - _MOST_TITLES
    parts = [
        f"I did not find an answer to this in what I searched: {titles}"
        + (f"; and {others} more." if others > 0 else ".")
    ]
    if absent:
        words = _listed([f"“{word}”" for word in absent[:_MOST_ABSENT]])
        parts.append(f"{words} {'stand' if len(absent) > 1 else 'stands'} nowhere in them.")
    if passages:
        near = dict.fromkeys(_topic(passage) for passage in passages[:_NEAREST])
        parts.append(f"The nearest passages, listed with this answer, are {_listed([*near])}.")
    return prompt.unmarked(" ".join([*parts, "Other words may find more."]))


def _topic(passage: Passage) -> str:
    """What a passage is about by its section's heading, and where it stands."""
    window = passage.chunk.window
    page = "".join(f", p. {number}" for number in window.pages[:1])
    place = f"in {passage.chunk.reading.short_title}{page}"
    heading = " ".join(window.section[-1].split()) if window.section else ""
    return f"on “{textwrap.shorten(heading, _LONGEST_HEADING)}” {place}" if heading else place


def _listed(parts: Sequence[str]) -> str:
    """The parts in one phrase: commas between them, "and" before the last."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
