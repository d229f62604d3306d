"""Questions to begin with, made from a reading's own definitions and sections.

Each was asked before it is offered: its answer must quote the very sentence or section that it was
made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from rag.engine import Engine
from rag.errors import RagError
from rag.sentences import sentences
from rag.types import Answer, Reading
from rag.web.shelf import Contents, Section

_A_READING = 3
"""How many questions are offered for one reading."""
_TRIED = 24
"""How many are asked at most to find them."""
_PAGES = 30

_NAME = r"(?:[A-Z][\w-]*[A-Z\d][\w-]*|[A-Z][a-z]+(?:[ -][a-zA-Z][a-z]+){1,3})"
_DEFINES = re.compile(
    rf"(?P<the>The |An? )?(?P<name>{_NAME})(?: \([^)]*\))? "
    r"(?P<verb>is|are) (?:an?|the|designed to|used to|defined as|known as|intended to)\b"
)
_NOT_A_NAME = re.compile(
    r"(?i)^(?:the|an?|it|this|that|these|those|there|we|one|table|figure|section|our|they|such|here|"
    r"both|each|all|another|most|many|some|however|\w+ing(?= ))\b"
)
_NUMBER = re.compile(r"^(?:appendix\s+)?(?:(?:\d+|[A-Z])(?:\.\d+)*\.?|[IVX]+\.)\s+", re.I)
_PLAIN = re.compile(
    r"(?i)^(?:abstract|introduction|conclusions?|references|acknowledge?ments?|appendix|discussion|"
    r"results|summary|contributions|limitations|background|related work|overview|contents).*"
)
_TITLE = re.compile(r"[A-Z][\w-]*(?: [\w-]*\w){1,4}")
"""Two to five words: a title with more, or with marks, may be one that ran into its text."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A question that its reading answers well."""

    question: str
    reading_id: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A question, and what the first quote of its answer must hold or stand under."""

    question: str
    sentence: str = ""
    section: str = ""

    def is_answered_by(self, answer: Answer) -> bool:
        if answer.abstained or not answer.citations:
            return False
        first = answer.citations[0]
        if self.sentence:
            return first.status == "quoted" and self.sentence in " ".join(first.quote.split())
        return self.section in first.passage.chunk.window.section


def samples(engine: Engine, reading: Reading, contents: Contents) -> Iterator[Sample]:
    """Up to three questions about a reading, definitions before sections."""
    within = frozenset({reading.reading_id})
    defined = islice(_definitions(engine, reading, contents.pages), _TRIED // 2)
    titled = islice(_sections(contents), _TRIED // 2)
    good = (
        Sample(candidate.question, reading.reading_id)
        for candidates, most in ((defined, _A_READING - 1), (titled, _A_READING))
        for candidate in islice(_answered(engine, candidates, within), most)
    )
    return islice(good, _A_READING)


def _answered(
    engine: Engine, candidates: Iterator[_Candidate], within: frozenset[str]
) -> Iterator[_Candidate]:
    for candidate in candidates:
        try:
            *_, answer = engine.ask(candidate.question, within)
        except RagError:
            continue
        if candidate.is_answered_by(answer):
            yield candidate


def _definitions(engine: Engine, reading: Reading, pages: int) -> Iterator[_Candidate]:
    """What each sentence that reads like a definition defines, once."""
    seen: set[str] = set()
    for number in range(1, min(pages, _PAGES) + 1):
        for block in engine.page(reading.reading_id, number).blocks:
            if block.kind != "paragraph":
                continue
            for start, end in sentences(block.text):
                sentence = " ".join(block.text[start:end].split())
                match = _DEFINES.match(sentence)
                if match and not _NOT_A_NAME.match(match["name"]) and match["name"] not in seen:
                    seen.add(match["name"])
                    yield _Candidate(_what_is(match), sentence=sentence)


def _what_is(match: re.Match[str]) -> str:
    """The question that a definition answers; a common noun loses its capital and keeps its article."""
    name, article = match["name"], match["the"] or ""
    if not any(map(str.isupper, name[1:])) and not article:
        name = name[0].lower() + name[1:]
    return f"What {match['verb']} {article.lower()}{name}?"


def _sections(contents: Contents) -> Iterator[_Candidate]:
    """What sections with a plain title are about, the deeper ones first: they say more."""
    for section in sorted(contents.sections, key=lambda s: -s.level):
        about = bare(section)
        if _TITLE.fullmatch(about) and not _PLAIN.match(about):
            yield _Candidate(f"What does the reading say about {about}?", section=section.title)


def bare(section: Section) -> str:
    """A section's title without its number."""
    return _NUMBER.sub("", section.title).strip(" .:")
