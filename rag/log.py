"""What is kept of a question, where there is to be a log and the asker does not mind.

No name and no address: who asked is a random number that is another one tomorrow, when it was is
known to the hour. The log itself is in rag/logbook.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from rag.types import Answer, Status

Thumb = Literal[-1, 0, 1]
"""Down, none, up."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A page that a question led to; ``status`` is that of the citation, "" for one only found."""

    reading: str
    page: int
    section: str
    status: Status | Literal[""]


@dataclass(frozen=True, slots=True)
class Entry:
    """A question as it is kept.

    ``at`` is in UTC, to the hour. ``readings`` are those that were searched. ``seconds`` are wall
    seconds in all. ``thumb`` and ``reason`` are what the asker thought of the answer.
    """

    entry_id: str
    at: datetime
    session: str
    question: str
    readings: tuple[str, ...]
    abstained: bool
    llm: str
    seconds: float
    thumb: Thumb
    reason: str
    touched: tuple[Touched, ...]

    @property
    def unsupported(self) -> bool:
        """Whether a sentence of the answer is not borne out by what it cites."""
        return any(touched.status == "unsupported" for touched in self.touched)


class Log(Protocol):
    """Keeps questions, or does not."""

    @property
    def days(self) -> int:
        """For how many days they are kept; 0 where nothing is."""
        ...

    def asked(self, answer: Answer, session: str) -> str:
        """Keep a finished answer's question; the entry's name, "" for none. Raises LogFailure."""
        ...

    def judged(self, entry_id: str, thumb: Thumb, reason: str) -> None:
        """Keep what the asker thought of an answer. Raises LogFailure."""
        ...

    def entries(self) -> list[Entry]:
        """All that is kept, oldest first. Raises LogFailure."""
        ...


class NoLog:
    """The log of those who want none: nothing is kept of anything."""

    days = 0

    def asked(self, answer: Answer, session: str) -> str:
        """Nothing; the empty name of an entry that is not there."""
        return ""

    def judged(self, entry_id: str, thumb: Thumb, reason: str) -> None:
        """Nothing."""

    def entries(self) -> list[Entry]:
        """None."""
        return []


def touched(answer: Answer) -> Iterator[Touched]:
    """The pages a finished answer cites, and those that were found for it, none twice of a kind."""
    cited = (
        Touched(
            citation.passage.chunk.reading.reading_id,
            page,
            " > ".join(citation.passage.chunk.window.section),
            citation.status,
        )
        for citation in answer.citations
        for page in citation.pages
    )
    found = (
        Touched(
            passage.chunk.reading.reading_id, page, " > ".join(passage.chunk.window.section), ""
        )
        for passage in answer.passages
        for page in passage.chunk.window.pages
    )
    yield from dict.fromkeys((*cited, *found))
