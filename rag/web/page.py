"""The page's layout, and which of its parts set which actions going."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator, Generator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import fastapi
import gradio as gr
from markupsafe import Markup

from rag.engine import LONGEST_QUESTION
from rag.errors import PluginError
from rag.log import Log
from rag.web import lists
from rag.web.actions import Actions, Asking, Shown
from rag.web.api import Api
from rag.web.chat import chat as chat_view
from rag.web.chat import name_of
from rag.web.conversation import Stopper
from rag.web.history import History
from rag.web.keeping import Choice, notice
from rag.web.line import Line, Work
from rag.web.look import head, theme
from rag.web.room import Opened, Room
from rag.web.routes import OwnPages, Visitors, routes, visitor_of
from rag.web.uploads import Seen, Uploads

_MASTHEAD = """<header class="masthead"><h1>Reading Room</h1>
<p>Questions about the readings, answered in their own words.</p></header>"""
_PANE = """<aside id="pane" aria-labelledby="pane-title" hidden>
<button class="close" data-close>Close page</button>
<div id="pane-body"></div></aside><div id="lost" role="alert" hidden></div>
<div id="announce" class="unseen" aria-live="polite"></div>"""
# What a button or form of ours is called goes to the server with its data attributes and fields.
_DOES = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-do]:not(form)');
  if (!button || (button.dataset.ask && !confirm(button.dataset.ask))) return;
  trigger('click', {...button.dataset});
});
element.addEventListener('change', (event) => {
  const field = event.target.closest('[data-rename]');
  if (field) trigger('click', {do: 'rename', talk: field.dataset.rename, name: field.value});
});
element.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target.closest('form[data-do]');
  if (!form) return;
  const fields = new FormData(form, event.submitter);
  trigger('click', {...form.dataset, ...Object.fromEntries(fields)});
});
"""
_TO_QUESTION = "() => document.querySelector('#question textarea')?.focus()"
_TO_EDIT = """() => {
  if (document.querySelector('#chat .replaced')) document.querySelector('#question textarea').focus();
}"""
_SECRET = "the student's own browser"
"""No secret: it keeps what a browser stores readable for the program that comes after this one."""

_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_MOST_AT_ONCE = 1000
_FREELY: dict[str, Any] = {"concurrency_limit": None}
"""What stands in our own line does not stand in Gradio's."""
_EACH: dict[str, Any] = {"trigger_mode": "multiple"}
"""A click while the one before is still at work counts, too."""


def build(room: Room, log: Log, uploads: Uploads | None = None) -> gr.Blocks:
    """The page over a room; each browser session has its own conversations.

    ``log`` keeps the questions of students who do not mind, and what they think of the answers;
    where it keeps nothing the page does not speak of it. Without ``uploads`` there are no readings
    but the course's.
    """
    with gr.Blocks(title="Reading Room", analytics_enabled=False) as page:
        line = Line()
        Api(room, line).add()  # first, so that its names are free
        _Layout(page, room, log, line, uploads)
    # Those who wait in our line are at work in Gradio's eyes: there must be places for all the rest.
    page.max_threads = _MOST_AT_ONCE
    return page.queue(default_concurrency_limit=16)


def _html(value: Markup | str, **options: Any) -> gr.HTML:  # noqa: ANN401
    """A part that only our own style sheet dresses."""
    return gr.HTML(value, apply_default_css=False, padding=False, **options)


class _Layout:
    """The parts of the page, laid out and wired as it is made."""

    def __init__(
        self, page: gr.Blocks, room: Room, log: Log, line: Line, uploads: Uploads | None
    ) -> None:
        self._room, self._log, self._days, self._uploads = room, log, log.days, uploads
        self._line = line
        self._book = gr.BrowserState({}, storage_key="reading-room", secret=_SECRET)
        self._history = gr.State(History())
        self._stopper = gr.State(Stopper())
        self._editing = gr.State(None)
        self._asker = gr.State("")
        self._ready = gr.State(False)
        self._prepared = gr.State(False)
        _html(Markup(_MASTHEAD), elem_classes="ours")
        self._status = _html(lists.status(room), elem_id="status")
        with gr.Tabs(elem_id="tabs") as self._tabs:
            with gr.Tab("Ask", id="ask"):
                self._lay_out_chat()
            with gr.Tab("Check a sentence", id="check"):
                self._lay_out_check()
            with gr.Tab("Readings", id="readings"):
                if uploads:
                    self._own = _html(lists.own_frame(), elem_id="own-frame", js_on_load=_DOES)
                self._shelf = _html("", elem_id="shelf", js_on_load=_DOES)
            with gr.Tab("History", id="talks"):
                self._talks = _html(lists.talks(History()), elem_id="talks", js_on_load=_DOES)
        _html(Markup(_PANE), elem_id="pane-frame")
        self._parcel = _html("", elem_id="parcel")
        self._timer = gr.Timer(0.5, active=not room.prepared)
        self._chosen = [
            self._only, self._llm, self._stopper, self._history, self._editing, self._keep,
            self._asker,
        ]  # fmt: skip
        self._shown = [
            self._chat, self._talks, self._history, self._book, self._question, self._editing,
        ]  # fmt: skip
        self._growing = [*self._shown, self._ahead]
        self._wire_chat()
        self._wire_opening(page)
        self._wire_keeping(page)
        self._wire_rest()
        if uploads:
            self._wire_own()

    def _seen(self, request: gr.Request) -> Seen:
        """The room as the visitor sees it whose browser asks."""
        return Seen(self._room, self._uploads, visitor_of(request))

    def _actions(self, request: gr.Request) -> Actions:
        return Actions(self._seen(request), self._log)

    async def _in_turn(self, steps: Generator[Shown | Work]) -> AsyncIterator[tuple[Any, ...]]:
        """The page as an answer grows, and how many are before it."""
        same: Shown = (gr.skip(),) * 6
        async with aclosing(self._line.each(steps)) as shown:
            async for step in shown:
                yield (*same, lists.ahead(step)) if isinstance(step, int) else (*step, "")
        yield *same, ""  # who waits may be told to begin anew, and nothing else comes

    def _lay_out_chat(self) -> None:
        self._chat = _html(chat_view([]), elem_id="chat", js_on_load=_DOES)
        with gr.Column(elem_id="composer"):
            self._ahead = _html("", elem_id="ahead")
            with gr.Row(elem_id="asking"):
                self._question = gr.Textbox(
                    label="Question",
                    placeholder="Ask about the readings",
                    lines=1,
                    max_lines=6,
                    elem_id="question",
                    scale=1,
                )
                self._ask = gr.Button(
                    "Ask", variant="primary", elem_id="ask", scale=0, min_width=90
                )
                self._stop = gr.Button("Stop", elem_id="stop", scale=0, min_width=90)
            with gr.Row(elem_id="choices"):
                with gr.Accordion("Which readings", open=False, elem_id="which"):
                    self._only = gr.CheckboxGroup(
                        choices=_choices(self._room.current()),
                        label="Ask only these readings (none chosen: all)",
                        elem_id="only",
                    )
                self._llm = gr.Radio(
                    choices=[*self._room.llms],
                    value=self._room.llms[0],
                    label="Who answers",
                    visible=len(self._room.llms) > 1,
                    elem_id="llm",
                )
                self._new = gr.Button("New conversation", elem_id="new", scale=0, min_width=160)
            with gr.Row(elem_id="keeping", visible=self._days > 0):
                _html(notice(self._days), elem_classes="ours")
                # Nothing is kept before the browser has said that it may be.
                self._keep = gr.Checkbox(False, label="Keep mine", container=False, elem_id="keep")

    def _lay_out_check(self) -> None:
        _html(
            Markup(
                '<p class="lead">Paste sentences from your notes or from any chatbot, and see '
                "whether the readings bear them out, and where.</p>"
            ),
            elem_classes="ours",
        )
        self._sentence = gr.Textbox(label="Sentence", lines=3, max_lines=12, elem_id="sentence")
        self._check = gr.Button("Check", variant="primary", elem_id="check-it")
        self._before = _html("", elem_classes="ours")
        self._verdicts = _html("", elem_id="verdicts")

    def _wire_chat(self) -> None:
        asked = [self._question, *self._chosen]

        async def ask(
            request: gr.Request,
            text: str,
            *given: Any,  # noqa: ANN401
        ) -> AsyncIterator[tuple[Any, ...]]:
            asking, history, editing = _asking(*given)
            steps = self._actions(request).ask(text, asking, history, editing)
            async for shown in self._in_turn(steps):
                yield shown

        async def in_chat(
            request: gr.Request,
            event: gr.EventData,
            *given: Any,  # noqa: ANN401
        ) -> AsyncIterator[tuple[Any, ...]]:
            asking, history, editing = _asking(*given)
            steps = self._actions(request).in_chat(_done(event), asking, history, editing)
            async for shown in self._in_turn(steps):
                yield shown

        def fresh(
            request: gr.Request, history: History, stopper: Stopper, editing: int | None
        ) -> Shown:
            return self._actions(request).fresh(history, stopper, editing)

        def stop(stopper: Stopper) -> None:
            stopper.stop()

        for trigger in (self._ask.click, self._question.submit):
            trigger(ask, asked, self._growing, **_QUIET, **_FREELY)
        self._chat.click(in_chat, asked[1:], self._growing, **_QUIET, **_EACH, **_FREELY).then(
            None, js=_TO_EDIT, api_visibility="private"
        )
        self._stop.click(stop, [self._stopper], None, queue=False, **_QUIET)
        self._new.click(
            fresh,
            [self._history, self._stopper, self._editing],
            self._shown,
            **_QUIET,
        ).then(None, js=_TO_QUESTION, api_visibility="private")

    def _wire_opening(self, page: gr.Blocks) -> None:
        """What is shown once the page is there, and once the room is open."""
        watched = [self._status, self._timer, self._ready, self._prepared]

        def watch() -> tuple[Any, ...]:
            ready, prepared = self._room.ready, self._room.prepared
            over = prepared or bool(self._room.state.failure)
            return lists.status(self._room), gr.Timer(active=not over), ready, prepared

        def samples(request: gr.Request, history: History) -> Any:  # noqa: ANN401
            """The questions to begin with, once they are there and wanted."""
            return gr.skip() if history.open.turns else self._actions(request).shown(history)[0]

        def fill_in(request: gr.Request, kept: object) -> tuple[Any, ...]:
            opened, actions = self._seen(request).current(), self._actions(request)
            history = actions.restored(kept)
            shelf = lists.shelf(opened.shelf) if opened else gr.skip()
            view, talks, *_ = actions.shown(history)
            return view, talks, history, shelf, gr.CheckboxGroup(choices=_choices(opened))

        async def linked(
            request: gr.Request,
            *given: Any,  # noqa: ANN401
        ) -> AsyncIterator[tuple[Any, ...]]:
            """Ask the question of a link, in a conversation of its own."""
            question = str(request.query_params.get("q", ""))[:LONGEST_QUESTION].strip()
            asking, history, _ = _asking(*given)
            fresh = history.fresh() if question else history
            steps = self._actions(request).ask(question, asking, fresh, None)
            async for shown in self._in_turn(steps):
                yield shown

        page.load(watch, None, watched, **_QUIET)
        self._timer.tick(watch, None, watched, **_QUIET)
        self._prepared.change(samples, [self._history], [self._chat], **_QUIET)
        self._ready.change(
            fill_in,
            [self._book],
            [self._chat, self._talks, self._history, self._shelf, self._only],
            **_QUIET,
        ).then(
            linked,
            self._chosen,
            self._growing,
            **_QUIET,
            **_FREELY,
        )

    def _wire_keeping(self, page: gr.Blocks) -> None:
        """What the browser remembers of the student's choice about the log, if there is one."""
        if not self._days:
            return
        stored = gr.BrowserState({}, storage_key="reading-room log", secret=_SECRET)

        def remembered(stored: object) -> tuple[object, str, bool]:
            choice = Choice.read(stored, datetime.now(UTC).date())
            # Writing tells the student's other tabs that what they show is old.
            unchanged = stored == choice.stored
            return gr.skip() if unchanged else choice.stored, choice.asker, choice.kept

        def changed(kept: bool, stored: object) -> tuple[object, str]:
            given = stored if kept and stored != {"kept": False} else {"kept": kept}
            choice = Choice.read(given, datetime.now(UTC).date())
            return choice.stored, choice.asker

        page.load(remembered, [stored], [stored, self._asker, self._keep], **_QUIET)
        self._keep.input(changed, [self._keep, stored], [stored, self._asker], **_QUIET)

    def _wire_rest(self) -> None:
        def in_talks(
            request: gr.Request, event: gr.EventData, history: History, stopper: Stopper
        ) -> tuple[Any, ...]:
            shown, parcel = self._actions(request).in_talks(_done(event), history, stopper)
            opened = _done(event).get("do") == "open"
            return *shown, parcel, gr.Tabs(selected="ask") if opened else gr.skip()

        async def check(request: gr.Request, text: str) -> AsyncIterator[tuple[Any, Any]]:
            steps = self._actions(request).check(text)
            async with aclosing(self._line.each(steps)) as shown:
                async for part in shown:
                    yield ((gr.skip(), lists.ahead(part)) if isinstance(part, int) else (part, ""))

        def from_shelf(request: gr.Request, event: gr.EventData) -> tuple[Any, Any, Any]:
            done = _done(event)
            known = [value for _, value in _choices(self._seen(request).current())]
            chosen = [done["reading"]] if done.get("reading") in known else []
            text = done.get("text")
            question = text if isinstance(text, str) else gr.skip()
            return gr.Tabs(selected="ask"), gr.CheckboxGroup(value=chosen), question

        self._talks.click(
            in_talks,
            [self._history, self._stopper],
            [*self._shown, self._parcel, self._tabs],
            **_QUIET,
            **_EACH,
        )
        self._shelf.click(
            from_shelf, None, [self._tabs, self._only, self._question], **_QUIET, **_EACH
        ).then(None, js=_TO_QUESTION, api_visibility="private")
        for trigger in (self._check.click, self._sentence.submit):
            trigger(check, [self._sentence], [self._verdicts, self._before], **_QUIET, **_FREELY)

    def _wire_own(self) -> None:
        def renew(request: gr.Request, chosen: list[str]) -> tuple[Any, Any]:
            """The shelf and the choice of readings, once there are others."""
            opened = self._seen(request).current()
            choices = _choices(opened)
            still = [one for one in chosen if one in {value for _, value in choices}]
            shelf = lists.shelf(opened.shelf) if opened else gr.skip()
            return shelf, gr.CheckboxGroup(choices=choices, value=still)

        self._own.click(renew, [self._only], [self._shelf, self._only], **_QUIET)


def _choices(opened: Opened | None) -> list[tuple[str, str]]:
    readings = opened.engine.readings if opened else ()
    return [(name_of(reading), reading.reading_id) for reading in readings]


def _asking(
    chosen: list[str],
    llm: str | None,
    stopper: Stopper,
    history: History,
    editing: int | None,
    kept: bool,
    asker: str,
) -> tuple[Asking, History, int | None]:
    """What is asked with a question; the switch as it is seen when asking has the last word."""
    name = asker if kept is True else ""
    return Asking(frozenset(chosen), llm or "", stopper, name), history, editing


def _done(event: gr.EventData) -> dict[str, Any]:
    """What the browser says was pressed; nothing of it is believed."""
    data = event._data
    return data if isinstance(data, dict) else {}


def serve(
    page: gr.Blocks,
    room: Room,
    host: str,
    port: int,
    *,
    mcp: bool = False,
    instructor: fastapi.APIRouter | None = None,
    uploads: Uploads | None = None,
) -> None:
    """Serve the page until it is stopped: no analytics, no share link, nothing from other hosts.

    ``mcp`` offers the API's endpoints as MCP tools, too; ``instructor`` are the addresses of the
    instructor's view. Raises OSError where the port is taken, and PluginError where MCP is wanted
    and not installed.
    """
    import uvicorn

    app = application(page, room, host, port, mcp=mcp, instructor=instructor, uploads=uploads)
    # Each open page holds a connection that never ends by itself.
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    uvicorn.run(app, host=host, port=port, log_level="error", timeout_graceful_shutdown=1)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the server's log says more than that pages were open when it stopped."""
    error = record.exc_info[1] if record.exc_info else None
    return not (
        isinstance(error, asyncio.CancelledError) or "graceful shutdown" in record.getMessage()
    )


def application(
    page: gr.Blocks,
    room: Room,
    host: str,
    port: int,
    *,
    mcp: bool,
    instructor: fastapi.APIRouter | None = None,
    uploads: Uploads | None = None,
) -> fastapi.FastAPI:
    """Gradio's page with our own addresses before it. Raises PluginError where MCP is not installed."""
    if mcp and not _has_mcp():
        raise PluginError("RAG_MCP needs the package 'mcp': pip install 'gradio[mcp]'")
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(routes(room, uploads))
    if instructor is not None:
        app.include_router(instructor)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=host,
        server_port=port,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=mcp,
        theme=theme(),
        head=head(),
    )
    if mcp and not page.mcp_server:
        raise PluginError(f"RAG_MCP cannot be served: {page.mcp_error}")
    app.add_middleware(OwnPages)
    if uploads:
        app.add_middleware(Visitors)
    return app


def _has_mcp() -> bool:
    return importlib.util.find_spec("mcp") is not None
