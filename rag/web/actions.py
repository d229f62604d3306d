"""What the page's buttons do: values in, values for the page's parts out.

Nothing of a visitor is kept here; what belongs to one comes in with each call and goes out again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from rag.errors import LogFailure, RagError
from rag.log import Log
from rag.web import export, lists
from rag.web.chat import chat
from rag.web.checking import checks, failed, report, split
from rag.web.conversation import Run, Stopper, Turn, growing
from rag.web.history import History, Reopened, Talk, kept
from rag.web.line import Work
from rag.web.markup import fill
from rag.web.room import NOT_READY, Opened
from rag.web.uploads import Seen

_log = logging.getLogger(__name__)

Shown = tuple[Any, Any, Any, Any, Any, Any]
"""For the chat, the list of conversations, the history, the browser, the question box, and which
turn is being changed."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a conversation is handed out as."""

    ending: str
    media_type: str
    write: Callable[[Talk], str]


_FORMS = {
    "md": Form("md", "text/markdown", export.as_markdown),
    "bib": Form("bib", "application/x-bibtex", lambda talk: export.as_bibtex(export.cited(talk))),
    "json": Form("json", "application/json", lambda talk: export.as_csl(export.cited(talk))),
}


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked with a question: of which readings (none: all), and which LLM answers.

    ``asker`` tells students apart in the log of questions; "" for one who wants nothing kept.
    """

    readings: frozenset[str]
    llm: str
    stopper: Stopper
    asker: str = ""


class Actions:
    """The page's buttons over a room as one visitor sees it."""

    def __init__(self, room: Seen, log: Log) -> None:
        """``log`` keeps the questions of those who do not mind."""
        self._room = room
        self._log = log

    def restored(self, kept_by_browser: object) -> History:
        """The conversations that the browser kept; none while the readings are being prepared."""
        opened = self._room.current()
        if opened is None:
            return History()
        return Reopened(opened.engine, opened.engine.readings).history(kept_by_browser)

    def shown(self, history: History, question: object = "", editing: int | None = None) -> Shown:
        """The page over a history, which the browser is to keep."""
        history = history.settled()
        return self._over(history, question, editing)

    def _over(self, history: History, question: object = "", editing: int | None = None) -> Shown:
        view = self._chat(history.open.turns, editing)
        return view, lists.talks(history), history, kept(history), question, editing

    def fresh(self, history: History, stopper: Stopper, editing: int | None) -> Shown:
        """A new conversation, beside those that are kept; what was being written is given up.

        A question that is being typed stays, one that was to be changed does not.
        """
        stopper.begin()
        return self.shown(history.fresh(), gr.skip() if editing is None else "")

    def ask(
        self, text: str, asking: Asking, history: History, editing: int | None, instead: str = ""
    ) -> Generator[Shown | Work]:
        """The page while a question is answered; it replaces the turn that is being changed.

        ``instead`` is searched for in place of the question. Nothing typed is nothing asked.
        """
        if not text.strip():
            yield (gr.skip(),) * 6
            return
        run, history = asking.stopper.begin(), history.settled()
        talk = history.open
        before = talk.turns if editing is None else talk.turns[:editing]
        opened = self._room.current()
        if opened is None:
            note = replace(Turn(text[:200]), said=NOT_READY)
            yield self.shown(history.with_turns(talk, [*before, note]))
            return
        turn = Turn(text)
        for count, step in enumerate(self._growing(opened, text, asking, before, run, instead)):
            if isinstance(step, Work):
                yield step
                continue
            turn = step
            if count == 0:
                yield self._over(history.with_turns(talk, [*before, turn]))
            elif turn.step and not run.replaced:
                yield self._chat([*before, turn]), *[gr.skip()] * 5
        # The end is shown together with what the browser keeps: who leaves on seeing it loses nothing.
        if not run.replaced:
            yield self.shown(history.with_turns(talk, [*before, turn]), gr.skip())

    def _kept(self, turn: Turn, asking: Asking) -> Turn:
        """The turn of a question that was answered, with its entry where it may be kept."""
        if not asking.asker or turn.answer is None or not turn.answer.done:
            return turn
        try:
            return replace(turn, entry=self._log.asked(turn.answer, asking.asker))
        except LogFailure as failure:
            # The student has an answer all the same; the failure does not repeat the question.
            _log.warning("%s", failure)
            return turn

    def _growing(
        self,
        opened: Opened,
        text: str,
        asking: Asking,
        before: Sequence[Turn],
        run: Run,
        instead: str,
    ) -> Iterator[Turn | Work]:
        try:
            engine = opened.engine_with(asking.llm)
        except RagError as error:
            yield replace(Turn(text), said=str(error))
            return
        for turn in growing(engine, text, asking.readings, before, run, instead):
            # The log is written before the answer is seen to be over: a next question is not late.
            yield turn if isinstance(turn, Work) or turn.step else self._kept(turn, asking)

    def in_chat(
        self, done: Mapping[str, Any], asking: Asking, history: History, editing: int | None
    ) -> Generator[Shown | Work]:
        """What a button within the conversation does; what names no turn of it does nothing."""
        turns = history.open.turns
        at = _number(done.get("turn"), len(turns))
        match done.get("do"):
            case "sample":
                within = frozenset({_text(done.get("reading"))} & self._known())
                scope = replace(asking, readings=within)
                yield from self.ask(_text(done.get("text")), scope, history, None)
            case "keep":
                yield self.shown(history)
            case "retry" if at is not None:
                turn = turns[at]
                yield from self.ask(turn.question, asking, history, at, turn.searched_for)
            case "search-again" if at is not None:
                wanted = _text(done.get("text"))
                yield from self.ask(turns[at].question, asking, history, at, wanted)
            case "edit" if at is not None:
                yield self.shown(history, turns[at].question, at)
            case "undo" if at is not None:
                yield self.shown(history.with_turns(history.open, turns[:at]), turns[at].question)
            case "rate" if at is not None:
                yield self.shown(self._rated(history, at, done), gr.skip())
            case _:
                yield self.shown(history, gr.skip(), editing)

    def _rated(self, history: History, at: int, done: Mapping[str, Any]) -> History:
        turns = list(history.open.turns)
        entry, rating = turns[at].entry, _text(done.get("rating"))
        if not entry or rating not in {"good", "bad"}:
            return history
        try:
            self._log.judged(entry, 1 if rating == "good" else -1, _text(done.get("reason"))[:500])
        except LogFailure as failure:
            _log.warning("%s", failure)
            return history
        turns[at] = replace(turns[at], rating=rating)
        return history.with_turns(history.open, turns)

    def in_talks(
        self, done: Mapping[str, Any], history: History, stopper: Stopper
    ) -> tuple[Shown, Markup]:
        """What a button of the list of conversations does, and the file it hands out, if any."""
        talk, what = history.find(_text(done.get("talk"))), done.get("do")
        nothing: Shown = (gr.skip(),) * 6
        if talk is None:
            return nothing, Markup()
        if what == "export":
            form = _FORMS.get(_text(done.get("form")))
            return nothing, _parcel(talk, form) if form else Markup()
        stopper.begin()
        match what:
            case "open":
                history = history.with_turns(talk, talk.turns)
            case "rename":
                history = history.renamed(talk.talk_id, _text(done.get("name")))
            case "delete":
                history = history.without(talk.talk_id)
        return self.shown(history, gr.skip()), Markup()

    def check(self, text: str) -> Generator[Markup | Work]:
        """The check of a pasted text as it goes on."""
        opened = self._room.current()
        if opened is None:
            yield fill('<p class="note" role="status">{said}</p>', said=NOT_READY)
            return
        yield report([], whole=False)
        try:
            sentences = split(text)
            done = checks(opened.engine, opened.checker, sentences)
            for number in range(1, len(sentences) + 1):
                yield Work()
                yield report(next(done), whole=number == len(sentences))
        except RagError as error:
            yield failed(error)

    def _known(self) -> set[str]:
        opened = self._room.current()
        return {reading.reading_id for reading in opened.engine.readings} if opened else set()

    def _chat(self, turns: Sequence[Turn], editing: int | None = None) -> Markup:
        opened = self._room.current()
        samples = opened.samples if opened else ()
        readings = opened.engine.readings if opened else ()
        return chat(turns, samples, readings, editing=editing)


def _parcel(talk: Talk, form: Form) -> Markup:
    """A file for the page's script to hand to the student."""
    return fill(
        '<span hidden data-file="{name}" data-type="{media_type}" data-text="{text}"></span>',
        name=f"conversation.{form.ending}",
        media_type=form.media_type,
        text=form.write(talk),
    )


def _number(value: object, below: int) -> int | None:
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if 0 <= number < below else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
