"""The page's layout and what its buttons do."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag.errors import RagError
from rag.types import Reading
from rag.web import views
from rag.web.page_image import PageImages
from rag.web.room import Room

_log = logging.getLogger(__name__)

_OPENS_CITATIONS = """
element.addEventListener('click', (event) => {
  const chip = event.target.closest('button.chip');
  if (chip) trigger('click', {turn: Number(chip.dataset.turn), marker: Number(chip.dataset.marker)});
});
const chat = element.closest('#chat') || element;
new MutationObserver(() => { chat.scrollTop = chat.scrollHeight; })
  .observe(chat, {childList: true, subtree: true});
"""
# On a narrow screen the pane stands below the chat.
_SHOWS_PANE = """() => {
  const pane = document.getElementById('pane');
  if (pane.getBoundingClientRect().top > 0.7 * window.innerHeight) pane.scrollIntoView();
}"""
_FONTS = ["system-ui", "-apple-system", "Segoe UI", "sans-serif"]


def build(room: Room) -> gr.Blocks:
    """The page over a room; each browser session has its own conversation."""
    images = PageImages()
    with gr.Blocks(title="Reading Room", analytics_enabled=False) as page:
        turns = gr.State([])
        gr.Markdown("# Reading Room\nQuestions about the readings, answered in their own words.")
        status = gr.HTML(views.status(room.state, ready=room.engine is not None))
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                chat = gr.HTML(views.chat([]), elem_id="chat", js_on_load=_OPENS_CITATIONS)
                question = gr.Textbox(
                    label="Question",
                    placeholder="How many tokens was the model trained on?",
                    lines=1,
                    max_lines=4,
                    elem_id="question",
                )
                ask = gr.Button("Ask", variant="primary")
                only = gr.CheckboxGroup(
                    choices=_choices(room), label="Ask only these readings (none chosen: all)"
                )
            with gr.Column(scale=2, min_width=320):
                pane = gr.HTML('<p class="note">The cited page opens here.</p>', elem_id="pane")
        timer = gr.Timer(0.5, active=room.engine is None)

        def answer(
            text: str, chosen: list[str], before: list[views.Turn]
        ) -> Iterator[tuple[str, list[views.Turn], str]]:
            for now in _turns(room, text, chosen, before):
                yield views.chat(now), now, ""

        def watch() -> tuple[str, Any, Any]:
            ready = room.engine is not None
            over = ready or bool(room.state.failure)
            return (
                views.status(room.state, ready=ready),
                gr.Timer(active=not over),
                gr.CheckboxGroup(choices=_choices(room)) if ready else gr.skip(),
            )

        def open_citation(before: list[views.Turn], event: gr.EventData) -> str:
            return _pane(images, before, event._data)

        for trigger in (ask.click, question.submit):
            trigger(
                answer,
                [question, only, turns],
                [chat, turns, question],
                api_visibility="private",
                show_progress="hidden",
            )
        timer.tick(
            watch, None, [status, timer, only], api_visibility="private", show_progress="hidden"
        )
        chat.click(open_citation, [turns], [pane], api_visibility="private").then(
            None, js=_SHOWS_PANE, api_visibility="private"
        )
    return page.queue(default_concurrency_limit=16)


def launch(page: gr.Blocks, host: str, port: int, *, block: bool = True) -> tuple[Any, str, str]:
    """Serve the page: no analytics, no share link, nothing from other hosts."""
    theme = gr.themes.Base(
        primary_hue="amber", font=_FONTS, font_mono=["ui-monospace", "monospace"]
    )
    served: tuple[Any, str, str] = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        theme=theme,
        css_paths=Path(__file__).parent / "page.css",
        prevent_thread_lock=not block,
        footer_links=[],
        ssr_mode=False,
    )
    return served


def _choices(room: Room) -> list[tuple[str, str]]:
    readings = room.engine.readings if room.engine else ()
    return [(_name(reading), reading.reading_id) for reading in readings]


def _name(reading: Reading) -> str:
    return reading.title + (" (guide)" if reading.kind == "guide" else "")


def _turns(
    room: Room, text: str, chosen: list[str], before: list[views.Turn]
) -> Iterator[list[views.Turn]]:
    """The conversation as the answer to its newest question grows."""
    engine = room.current()
    if engine is None:
        yield [*before, (text, "The readings are still being prepared; ask again in a moment.")]
        return
    yield [*before, (text, "Searching…")]
    try:
        for answer in engine.ask(text, frozenset(chosen) or None):
            yield [*before, (text, answer)]
    except RagError as error:
        yield [*before, (text[:200], str(error))]
    except Exception:
        reference = uuid.uuid4().hex[:8]
        _log.exception("reference %s", reference)
        yield [*before, (text[:200], f"Something went wrong (reference {reference}).")]


def _pane(images: PageImages, turns: list[views.Turn], chosen: Any) -> str:  # noqa: ANN401
    """The page pane for a chip; what the browser names is only looked up in its own turns."""
    try:
        answer = turns[int(chosen["turn"])][1]
        citation = next(c for c in answer.citations if c.marker == chosen["marker"])  # type: ignore[union-attr]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration):
        return '<p class="note">This citation is not part of your conversation.</p>'
    reading = citation.passage.chunk.reading
    try:
        pages = [(number, images.png(reading, number, citation.boxes)) for number in citation.pages]
    except RagError as error:
        return views.chat([("", str(error))])
    return views.pane(citation, pages)
