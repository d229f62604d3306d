"""The shelf of readings and the list of conversations, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from rag.types import Reading
from rag.web.chat import name_of
from rag.web.history import LONGEST_NAME, History, Talk
from rag.web.links import Place
from rag.web.markup import fill, joined
from rag.web.pane import pdf_link
from rag.web.room import Room, State
from rag.web.samples import bare
from rag.web.shelf import Section, Shelf
from rag.web.uploads import (
    AWAY_MINUTES,
    LARGEST_MEGABYTES,
    MOST_FILES,
    MOST_PAGES,
    Upload,
    is_own,
)

_MOST_AUTHORS = 6
_READING = """<article class="reading"><h3>{title}</h3>
<p class="by">{authors}</p><p class="facts">{facts}</p>
<div class="deeds"><button data-place="{place}">Open</button>
<button data-do="only" data-reading="{reading}">Ask only this reading</button>
<a href="{pdf}" target="_blank" rel="noopener">PDF</a></div>{sections}</article>"""
_SECTION = """<li class="level-{level}"><button class="link" data-place="{place}">{title}</button>
<span class="folio">page {page}</span>
<button class="quiet" data-do="section"
data-reading="{reading}" data-text="{about}" aria-label="Ask about {title}">Ask about this
section</button></li>"""
_OWN_FRAME = """<section id="own" aria-labelledby="own-title"><h2 id="own-title">Your own PDFs</h2>
<p class="note">Up to {files} files of {megabytes} MB and {pages} pages each, asked together with the
readings. Nobody but this browser sees them. They are deleted when you remove them, or {minutes}
minutes after you close the page.</p>
<p class="add" data-megabytes="{megabytes}"><label>Add PDFs
<input type="file" multiple accept=".pdf,application/pdf"></label></p>
<p id="own-sending" role="status"></p><div id="own-said" role="alert"></div>
<div id="own-list"></div><button id="own-renew" data-do="renew" hidden></button></section>"""
_OWN = """<li class="own {state}"><span class="name">{name}</span>
<span class="facts" role="status">{said}</span>
<button class="quiet" data-remove="{upload}" aria-label="Remove {name}">Remove</button></li>"""
_OWN_STATES = {
    "arriving": "arriving",
    "waiting": "waiting for its turn",
    "preparing": "being read",
    "ready": "ready to be asked",
}
_STAGES = {"parse": "reading", "embed": "indexing", "write": "writing"}
_LEFT_OUT = """<article class="reading left-out"><h3>{name}</h3><p class="facts">Left out</p>
<p class="note">{why}</p></article>"""
_TALK = """<li class="talk"{current}><label>Name
<input data-rename="{talk}" value="{title}" maxlength="{most}"></label>
<span class="facts">{count}</span><div class="deeds">
<button data-do="open" data-talk="{talk}">Open</button>
<span class="folio">Export as</span>
<button data-do="export" data-talk="{talk}" data-form="md">Markdown</button>
<button data-do="export" data-talk="{talk}" data-form="bib">BibTeX</button>
<button data-do="export" data-talk="{talk}" data-form="json">CSL-JSON</button>
<button data-do="delete" data-talk="{talk}"
data-ask="Delete this conversation? It cannot be brought back.">Delete</button></div></li>"""
_NO_TALKS = """<div class="empty"><h2>Nothing yet</h2>
<p>Your conversations are kept here, in this browser only, until you delete them.</p></div>"""


def ahead(count: int) -> Markup:
    """What one reads who waits for others."""
    questions = "question is" if count == 1 else "questions are"
    return fill(
        '<p class="note" role="status">{count} {questions} before yours.</p>',
        count=count,
        questions=questions,
    )


def shelf(shelf: Shelf) -> Markup:
    """Each reading with its state and sections, then those that could not be used and why."""
    there = [_reading(shelf, reading) for reading in shelf.readings]
    gone = [fill(_LEFT_OUT, name=name, why=why) for name, why in shelf.left_out]
    return joined([*there, *gone])


def _reading(shelf: Shelf, reading: Reading) -> Markup:
    contents = shelf.contents(reading.reading_id)
    facts = [
        str(reading.year or ""),
        _kind(reading),
        f"{contents.pages} page{'s' if contents.pages > 1 else ''}",
        "" if is_own(reading) else reading.reading_id,
    ]
    return fill(
        _READING,
        title=name_of(reading),
        authors=_authors(reading),
        facts=" · ".join(fact for fact in facts if fact),
        place=Place(reading.reading_id, 1).query,
        reading=reading.reading_id,
        pdf=pdf_link(reading, 1),
        sections=_sections(reading, contents.sections),
    )


def _kind(reading: Reading) -> str:
    if is_own(reading):
        return "your own PDF"
    return "guide of ours that stands in for the paper" if reading.kind == "guide" else "paper"


def own_frame() -> Markup:
    """Where a visitor adds PDFs of their own; the page's script fills in which there are."""
    return fill(
        _OWN_FRAME,
        files=MOST_FILES,
        megabytes=LARGEST_MEGABYTES,
        pages=MOST_PAGES,
        minutes=AWAY_MINUTES,
    )


def own(uploads: Sequence[Upload], step: str) -> Markup:
    """A visitor's own PDFs, each with what became of it; ``step`` is what is being done.

    ``data-busy`` says that this will change by itself, ``data-ready`` which can be asked.
    """
    lines = joined(
        fill(
            _OWN,
            state=upload.state,
            name=upload.name,
            said=_own_state(upload, step),
            upload=upload.upload_id,
        )
        for upload in uploads
    )
    busy = any(upload.state in {"arriving", "waiting", "preparing"} for upload in uploads)
    return fill(
        '<ul data-ready="{ready}"{busy}>{lines}</ul>',
        ready=" ".join(upload.upload_id for upload in uploads if upload.state == "ready"),
        busy=Markup(" data-busy") if busy else "",
        lines=lines,
    )


def _own_state(upload: Upload, step: str) -> str:
    if upload.state == "failed":
        return upload.why
    stage, _, count = step.partition(" ")
    if upload.state == "preparing" and stage in _STAGES:
        return f"{_STAGES[stage]} {count}"
    return _OWN_STATES[upload.state]


def _authors(reading: Reading) -> str:
    more = len(reading.authors) - _MOST_AUTHORS
    shown = ", ".join(reading.authors[:_MOST_AUTHORS])
    return f"{shown} and {more} others" if more > 0 else shown


def _sections(reading: Reading, sections: tuple[Section, ...]) -> Markup:
    if not sections:
        return Markup()
    lines = joined(
        fill(
            _SECTION,
            level=min(section.level, 4),
            place=Place(reading.reading_id, section.page).query,
            title=section.title,
            page=section.page,
            reading=reading.reading_id,
            about=f"What does the reading say about {bare(section)}?",
        )
        for section in sections
    )
    return fill(
        "<details><summary>{count} section{s}</summary><ul>{lines}</ul></details>",
        count=len(sections),
        s="s" if len(sections) > 1 else "",
        lines=lines,
    )


def talks(history: History) -> Markup:
    """The conversations, newest first, with what can be done with each."""
    listed = joined(
        _talk(talk, current=at == 0) for at, talk in enumerate(history.talks) if talk.turns
    )
    return fill('<ol class="talks">{listed}</ol>', listed=listed) if listed else Markup(_NO_TALKS)


def _talk(talk: Talk, *, current: bool) -> Markup:
    count = len(talk.turns)
    return fill(
        _TALK,
        talk=talk.talk_id,
        title=talk.title,
        most=LONGEST_NAME,
        count=f"{count} question{'s' if count > 1 else ''}",
        current=Markup(' aria-current="true"') if current else "",
    )


def status(room: Room) -> Markup:
    """What a visitor should know while the index is built, and nothing afterwards."""
    state = room.state
    if state.failure:
        return fill('<p class="note" role="alert">{failure}</p>', failure=state.failure)
    return Markup() if room.ready else _building(state)


def _building(state: State) -> Markup:
    count = f"{state.done} of {state.total}" if state.total else ""
    bar = fill(
        '<progress max="{total}" value="{done}" aria-label="Progress"></progress>',
        total=state.total,
        done=state.done,
    )
    return fill(
        '<p class="note" role="status">The readings are being prepared: {stage} {count} {bar}</p>',
        stage=state.stage,
        count=count,
        bar=bar if state.total else "",
    )
