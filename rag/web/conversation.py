"""A conversation: questions, and what became of each while its answer grew."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from rag.engine import Engine
from rag.errors import RagError
from rag.types import Answer
from rag.web.line import Work
from rag.web.trouble import unforeseen

_log = logging.getLogger(__name__)

SEARCHING, READING, WRITING, CHECKING = (
    "Searching the readings…",
    "Reading {count} passages…",
    "Writing…",
    "Checking each sentence against its page…",
)
INTERRUPTED = "This answer was interrupted. Ask again to get it."
STOPPED = "You stopped this answer."


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it.

    ``searched_for`` is what was searched for where that is not the question as typed. ``answer``
    is as far as it has come, ``said`` a sentence of ours about it or instead of it, and ``step``
    what is being done just now, empty when it is over. ``entry`` is the log's name for it, "" where it
    is not kept, and ``rating`` the student's, "" for none.
    """

    question: str
    searched_for: str = ""
    answer: Answer | None = None
    said: str = ""
    step: str = ""
    entry: str = ""
    rating: str = ""


class Run:
    """The writing of one answer: whether it is no longer wanted, and whether another took over."""

    def __init__(self) -> None:
        self.stopped = self.replaced = False


class Stopper:
    """Sees to it that a browser session has one answer written at a time, and can stop it."""

    def __init__(self) -> None:
        self._run = Run()

    def begin(self) -> Run:
        """A new run; whatever was being written makes way for it."""
        self._run.stopped = self._run.replaced = True
        self._run = Run()
        return self._run

    def stop(self) -> None:
        """What is being written is no longer wanted."""
        self._run.stopped = True


def settled(turn: Turn) -> Turn:
    """A turn that nobody is writing any more."""
    return replace(turn, step="", said=turn.said or INTERRUPTED) if turn.step else turn


def growing(
    engine: Engine,
    question: str,
    readings: frozenset[str],
    earlier: Sequence[Turn],
    run: Run,
    searched_for: str = "",
) -> Generator[Turn | Work]:
    """The turn of a question as its answer grows, and where work follows; the last turn has no step.

    ``searched_for`` is what the student wants searched instead of the question as it is read in
    the light of ``earlier``. Closing it ends an LLM's request.
    """
    turn = Turn(question[:200] if len(question) > 4000 else question, step=SEARCHING)
    work = [Work(lambda: not run.stopped)] if engine.quotes else []
    yield turn
    yield from work
    if run.stopped:  # while it waited
        yield replace(turn, said=STOPPED, step="")
        return
    try:
        wanted = searched_for or _self_contained(engine, question, earlier)
        if " ".join(wanted.split()) != " ".join(question.split()):
            turn = replace(turn, searched_for=wanted)
            yield turn
            yield from work
        with contextlib.closing(engine.ask(wanted, readings or None)) as answers:  # type: ignore[type-var]
            for answer in answers:
                turn = replace(turn, answer=answer, step=_step(answer))
                yield turn
                if run.stopped:
                    break
        if run.stopped and not (turn.answer and turn.answer.done):
            turn = replace(turn, said=STOPPED)
    except RagError as error:
        turn = replace(turn, said=str(error))
    except Exception:
        turn = replace(turn, said=unforeseen(_log))
    yield replace(turn, step="")


def _self_contained(engine: Engine, question: str, earlier: Sequence[Turn]) -> str:
    """The question with what it takes from the conversation so far."""
    before = [(t.searched_for or t.question, t.answer.text if t.answer else "") for t in earlier]
    return engine.self_contained(question, before)


def _step(answer: Answer) -> str:
    if answer.done:
        return CHECKING
    if not answer.text:
        return READING.format(count=len(answer.passages))
    return WRITING
