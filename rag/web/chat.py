"""The conversation as HTML: questions, growing answers, and the chips behind their sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from rag.types import Answer, Citation, Passage, Reading
from rag.web.conversation import Turn
from rag.web.links import Place
from rag.web.markup import fill, joined, on_a_line
from rag.web.samples import Sample
from rag.web.uploads import is_own

WORDS = {
    "quoted": "quoted",
    "supported": "supported",
    "unsupported": "not supported",
}
MEANS = {
    "quoted": "These are the reading’s own words.",
    "supported": "The reading bears this sentence out.",
    "unsupported": "The cited words do not bear this sentence out.",
}
MOVED = "The answer named another passage, or none; these words were found to bear it out."

_MARKER = re.compile(r"\[(\d+)\]")
_FORMULA = re.compile(
    r"\\\((?P<inline>.{1,500}?)\\\)|(?:\\\[(?P<display>.{1,2000}?)\\\]|\$\$(?P<dollars>.{1,2000}?)\$\$)"
    r"|\$(?P<dollar>(?=[^$\n]*[\\^_{])[^\s$](?:[^$\n]{0,300}[^\s$])?)\$(?!\d)",
    re.S,
)
_LONGEST_PEEK = 520

_TURN = """<article class="turn"{busy}>
<h3 class="question">{question}</h3>{searched}{scope}
<div class="answer">{answer}</div>{step}{deeds}</article>"""
_CHIP = """<span class="cite"><button class="chip {status}" data-place="{place}"
aria-label="{label}" aria-describedby="{peek}"><span class="number">{marker}</span> {word}</button><span
class="peek" role="tooltip" id="{peek}"><q>{quote}</q><span class="source">{where}</span><span
class="means">{means}</span></span></span>"""
_REPLACED = """<div class="replaced"><p class="note" role="status">Change the question below
and ask: it replaces what stands here.
<button class="link" data-do="keep">Keep it as it is</button></p>{turns}</div>"""
_EMPTY = """<div class="empty"{ready}><h2>What do you want to know?</h2>
<p>Ask about the readings. Behind each sentence of an answer there is a number: press it to see the
page, with the words marked.</p>{samples}</div>"""


def chat(
    turns: Sequence[Turn],
    samples: Sequence[Sample] = (),
    readings: Sequence[Reading] = (),
    *,
    editing: int | None = None,
) -> Markup:
    """The conversation, oldest first; with none yet, what one could ask.

    ``readings`` are all that can be asked: an answer from fewer says so. ``editing`` is the turn,
    from 0, whose question is being changed. Where a question is kept its answer has thumbs.
    """
    if not turns:
        ready = Markup(" data-ready") if readings else ""
        return fill(_EMPTY, ready=ready, samples=_samples(samples, readings))
    last = len(turns) - 1
    shown = [_turn(at, turn, len(readings), last=at == last) for at, turn in enumerate(turns)]
    if editing is None:
        return joined(shown)
    replaced = fill(_REPLACED, turns=joined(shown[editing:]))
    return joined([*shown[:editing], replaced])


def _samples(samples: Sequence[Sample], readings: Sequence[Reading]) -> Markup:
    """Up to three questions for each of the first readings, under its title."""
    groups: list[Markup] = []
    for reading in readings:
        own = [sample for sample in samples if sample.reading_id == reading.reading_id]
        if own and len(groups) < 4:
            buttons = joined(
                fill(
                    '<li><button class="sample" data-do="sample" data-text="{text}" '
                    'data-reading="{reading}">{text}</button></li>',
                    text=sample.question,
                    reading=sample.reading_id,
                )
                for sample in own
            )
            groups.append(
                fill("<section><h3>{title}</h3><ul>{buttons}</ul></section>",
                     title=reading.title, buttons=buttons)
            )  # fmt: skip
    return fill('<div class="samples">{groups}</div>', groups=joined(groups))


def _turn(at: int, turn: Turn, readings: int, *, last: bool) -> Markup:
    return fill(
        _TURN,
        busy=Markup(' aria-busy="true"') if turn.step else "",
        question=turn.question,
        searched=_searched(at, turn),
        scope=_scope(turn, readings),
        answer=said(turn, f"t{at}"),
        step=_step(turn),
        deeds=Markup() if turn.step else _deeds(at, turn, last=last),
    )


def _searched(at: int, turn: Turn) -> Markup:
    """What was searched for where that is not what was typed, to be changed and asked again."""
    if not turn.searched_for:
        return Markup()
    return fill(
        '<form class="searched" data-do="search-again" data-turn="{at}"><label>Searched for: '
        '<input name="text" value="{text}" maxlength="2000"></label>'
        '<button type="submit">Ask this instead</button></form>',
        at=at,
        text=turn.searched_for,
    )


def _scope(turn: Turn, readings: int) -> Markup:
    """Which readings were asked, where that is not all of them."""
    searched = turn.answer.searched if turn.answer else ()
    if not 0 < len(searched) < readings:
        return Markup()
    titles = "; ".join(on_a_line(name_of(reading), 80) for reading in searched)
    return fill('<p class="scope">Asked only: {titles}</p>', titles=titles)


def _step(turn: Turn) -> Markup:
    """What is being done; the style sheet shows it once it has taken half a second."""
    return (
        fill('<p class="step" role="status">{step}</p>', step=turn.step) if turn.step else Markup()
    )


def _deeds(at: int, turn: Turn, *, last: bool) -> Markup:
    answered = turn.answer is not None and not turn.answer.abstained
    wanted = [("retry", "Ask again", last), ("edit", "Edit", True), ("undo", "Remove", last)]
    buttons = [
        fill('<button data-do="{do}" data-turn="{at}">{name}</button>', do=do, at=at, name=name)
        for do, name, shown in wanted
        if shown
    ]
    if answered:
        copy = '<button data-copy="{text}" data-done="Copied">Copy with citations</button>'
        buttons.insert(0, fill(copy, text=as_text(turn)))
    thumbs = _thumbs(at, turn) if turn.entry else Markup()
    return fill(
        '<div class="deeds">{buttons}{thumbs}</div>', buttons=joined(buttons), thumbs=thumbs
    )


def _thumbs(at: int, turn: Turn) -> Markup:
    if turn.rating:
        return Markup('<span class="thanks" role="status">Thank you.</span>')
    return fill(
        '<form class="thumbs" data-do="rate" data-turn="{at}"><button name="rating" value="good">'
        'Helpful</button><button name="rating" value="bad">Not helpful</button>'
        '<label>Why? <input name="reason" maxlength="500" placeholder="optional"></label></form>',
        at=at,
    )


def said(turn: Turn, name: str) -> Markup:
    """What came of a question: the answer with its chips, or a sentence; ids begin with ``name``."""
    note = (
        fill('<p class="note" role="status">{said}</p>', said=turn.said) if turn.said else Markup()
    )
    return (answer(turn.answer, name) if turn.answer else Markup()) + note


def answer(answer: Answer, name: str) -> Markup:
    """An answer, a line a sentence, each with its chips."""
    parts = []
    if answer.notice:
        parts.append(fill('<p class="note" role="status">{notice}</p>', notice=answer.notice))
    if answer.unfinished:
        parts.append(
            fill('<p class="note unfinished"><del>{text}</del> (incomplete)</p>',
                 text=answer.unfinished)
        )  # fmt: skip
    if answer.abstained:
        parts.append(fill('<p class="said">{text}</p>', text=answer.text))
        parts.append(nearest(answer.passages[:3]))
    else:
        parts += _sentences(answer, name)
    return joined(parts)


def _sentences(answer: Answer, name: str) -> Iterator[Markup]:
    by_marker = {citation.marker: citation for citation in answer.citations}
    for words, markers in pieces(answer.text):
        chips = joined(
            chip(by_marker[marker], f"{name}c{marker}")
            if marker in by_marker
            else fill(
                '<span class="lost">[{marker}: no longer in the readings]</span>', marker=marker
            )
            for marker in markers
        )
        title, words = _titled(words, [by_marker[m] for m in markers if m in by_marker])
        yield fill(
            '{title}<p class="said">{words} {chips}</p>',
            title=fill('<h4 class="part">{title}</h4>', title=title) if title else "",
            words=formulas(words),
            chips=chips,
        )


def _titled(words: str, cited: Sequence[Citation]) -> tuple[str, str]:
    """The title of the reading whose part of an answer a sentence begins, "" for none; the rest."""
    for citation in cited[:1]:
        title = citation.passage.chunk.reading.short_title
        if words.startswith(f"{title}: "):
            return title, words[len(title) + 2 :]
    return "", words


def pieces(text: str) -> Iterator[tuple[str, list[int]]]:
    """An answer's sentences, each with the markers behind it.

    Markers count from 1 without a gap: a bracketed number out of turn is a quote's own.
    """
    marks, wanted = [], 1
    for match in _MARKER.finditer(text):
        if int(match[1]) == wanted:
            marks.append(match)
            wanted += 1
    at, held = 0, list[re.Match[str]]()
    for mark in marks:
        if held and text[held[-1].end() : mark.start()].strip():
            yield text[at : held[0].start()].strip(), [int(m[1]) for m in held]
            at, held = held[-1].end(), []
        held.append(mark)
    if held:
        yield text[at : held[0].start()].strip(), [int(m[1]) for m in held]
        at = held[-1].end()
    if rest := text[at:].strip():
        yield rest, []


def formulas(text: str) -> Markup:
    """The text, formulas in LaTeX set apart for the page's script to set."""
    parts, at = [], 0
    for match in _FORMULA.finditer(text):
        parts.append(fill("{text}", text=text[at : match.start()]))
        kind, at = match.lastgroup, match.end()
        display = Markup(" data-display") if kind in {"display", "dollars"} else ""
        body = match.group(kind) if kind else ""
        parts.append(fill('<span class="tex"{display}>{body}</span>', display=display, body=body))
    return joined([*parts, fill("{text}", text=text[at:])])


def chip(citation: Citation, peek: str) -> Markup:
    """A citation's number and status; its peek says what is quoted, and where from."""
    reading = citation.passage.chunk.reading
    section = citation.passage.chunk.window.section
    where = f"{name_of(reading)}, page {pages_of(citation.pages)}"
    return fill(
        _CHIP,
        status=citation.status,
        place=Place.of_citation(citation).query,
        label=f"Citation {citation.marker}: {reading.title}, page {pages_of(citation.pages)}",
        peek=peek,
        marker=citation.marker,
        word=WORDS[citation.status],
        quote=on_a_line(citation.quote, _LONGEST_PEEK),
        where=where + (f" · {section[-1]}" if section else ""),
        means=MEANS[citation.status] + (f" {MOVED}" if citation.moved else ""),
    )


def nearest(passages: Sequence[Passage]) -> Markup:
    """Where the passages stand that come nearest to a question without an answer; each place once."""
    places: dict[str, Place] = {}
    for passage in passages:
        place = Place.of_passage(passage)
        where = f"{passage.chunk.reading.short_title}, page {place.page}"
        section = passage.chunk.window.section[-1:]
        places.setdefault(": ".join([where, *section]), place)
    lines = joined(
        fill(
            '<li><button class="link" data-place="{place}">{where}</button></li>',
            place=place.query,
            where=where,
        )
        for where, place in places.items()
    )
    return fill('<ul class="nearest">{lines}</ul>', lines=lines) if lines else Markup()


def as_text(turn: Turn) -> str:
    """A turn for pasting elsewhere: the question, the answer, and what its numbers stand for."""
    answer = turn.answer
    if answer is None:
        return f"{turn.question}\n\n{turn.said}"
    notes = [
        f"[{c.marker}] {c.passage.chunk.reading.title}, p. {pages_of(c.pages)} "
        f"({WORDS[c.status]}{', moved' if c.moved else ''}): “{on_a_line(c.quote)}”"
        for c in answer.citations
    ]
    return "\n".join([turn.question, "", answer.text, "", *notes]).strip()


def name_of(reading: Reading) -> str:
    """A reading's title, and that it is a guide, or the visitor's own, where it is one."""
    return f"{reading.title} (yours)" if is_own(reading) else reading.full_title


def pages_of(pages: Sequence[int]) -> str:
    """Page numbers as one reads them."""
    return ", ".join(map(str, pages))
