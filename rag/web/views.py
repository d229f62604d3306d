"""What the page shows, as HTML. Every text that comes from a PDF or a person is escaped here."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from rag.types import Answer, Citation
from rag.web.room import State

Turn = tuple[str, Answer | str]
"""A question and its answer, or what is said where there is none."""

_MARKER = re.compile(r"\[(\d+)\]")
_STATUS = {
    "quoted": "the reading's own words",
    "supported": "borne out by the reading",
    "unsupported": "not borne out by the reading",
}


def chat(turns: Sequence[Turn]) -> str:
    """The conversation, oldest first."""
    if not turns:
        return (
            '<p class="note">Ask a question about the readings. Each sentence of the answer is '
            "cited; a click on its number opens the page.</p>"
        )
    return "".join(
        f'<div class="question">{escape(question)}</div>'
        f'<div class="answer">{_answer(number, answer)}</div>'
        for number, (question, answer) in enumerate(turns)
    )


def _answer(turn: int, answer: Answer | str) -> str:
    if isinstance(answer, str):
        return f'<p class="note">{escape(answer)}</p>'
    by_marker = {citation.marker: citation for citation in answer.citations}

    def chip(match: re.Match[str]) -> str:
        citation = by_marker.get(int(match.group(1)))
        return _chip(turn, citation) if citation else escape(match.group())

    kind = "note" if answer.abstained else "said"
    notice = f'<p class="note" role="status">{escape(answer.notice)}</p>' if answer.notice else ""
    if answer.unfinished:
        notice += f'<p class="note"><del>{escape(answer.unfinished)}</del> (incomplete)</p>'
    text = _MARKER.sub(chip, escape(answer.text)).replace("</button> ", "</button><br>")
    return notice + f'<p class="{kind}">{text}</p>' + (_nearest(answer) if answer.abstained else "")


def _chip(turn: int, citation: Citation) -> str:
    reading = citation.passage.chunk.reading
    label = f"Citation {citation.marker}: {reading.title}, page {_pages(citation.pages)}"
    hover = f"{label} ({_STATUS[citation.status]}): {' '.join(citation.quote.split())[:300]}"
    return (
        f'<button class="chip" data-turn="{turn}" data-marker="{citation.marker}" '
        f'aria-label="{escape(label)}" title="{escape(hover)}">{citation.marker}</button>'
    )


def _nearest(answer: Answer) -> str:
    """Where the passages stand that come nearest to a question without an answer."""
    lines = [
        f"<li>{escape(p.chunk.reading.title)}, page {_pages(p.chunk.window.pages)}"
        f"{': ' + escape(p.chunk.window.section[-1]) if p.chunk.window.section else ''}</li>"
        for p in answer.passages[:3]
    ]
    return f'<ul class="note">{"".join(lines)}</ul>'


def _pages(pages: Sequence[int]) -> str:
    return ", ".join(map(str, pages))


def pane(citation: Citation, pages: Sequence[tuple[int, bytes]]) -> str:
    """The cited page, or both where a quote runs over, with the quote and its passage beside it.

    ``pages`` are (number, PNG).
    """
    chunk = citation.passage.chunk
    window = chunk.window
    title = f"{chunk.reading.title}, page {_pages([number for number, _ in pages])}"
    pictures = "".join(
        f'<img alt="{escape(chunk.reading.title)}, page {number}, the quote marked" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        for number, png in pages
    )
    way = " › ".join(window.section)
    return (
        f"<h3>{escape(title)}</h3><p>{escape(way)}</p>"
        f"<blockquote>{escape(' '.join(citation.quote.split()))}</blockquote>"
        f'{pictures}<h4>The passage</h4><p class="passage">{escape(window.text)}</p>'
    )


def status(state: State, *, ready: bool) -> str:
    """What a visitor should know while the index is built, and nothing afterwards."""
    if state.failure:
        return f'<p class="note" role="alert">{escape(state.failure)}</p>'
    if ready:
        return ""
    count = f" {state.done} of {state.total}" if state.total else ""
    bar = f'<progress max="{state.total}" value="{state.done}"></progress>' if state.total else ""
    return (
        f'<p class="note" role="status">The readings are being prepared: '
        f"{escape(state.stage)}{count} {bar}</p>"
    )
