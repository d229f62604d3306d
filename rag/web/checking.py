"""Sentences from anywhere, compared with the readings one by one, as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rag.bearing import PASSAGES
from rag.citations import citation
from rag.engine import Engine
from rag.errors import QuestionError, RagError
from rag.protocols import Checker
from rag.sentences import sentences
from rag.types import Citation, Status, Verdict
from rag.web.chat import chip
from rag.web.markup import fill, joined

MOST_SENTENCES = 20
LONGEST_TEXT = 8000
_SAID = {
    "quoted": "Supported: the reading says it in these words",
    "supported": "Supported",
    "unsupported": "Not supported: this is what comes nearest",
    "not_in_readings": "Not in the readings",
}
_WORTH = (
    "A first reader, not a judge: it misses some errors and doubts some truths. Look at the page "
    "before you rely on it."
)
_CHECKED = """<li class="checked {status}"><p class="sentence">{sentence}</p>
<p class="verdict">{said} {chip}</p>{quote}</li>"""


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence with what the readings say to it; ``citation`` is None where they say nothing."""

    sentence: str
    status: str
    citation: Citation | None


def split(text: str) -> list[str]:
    """The sentences of a text, in order.

    Raises QuestionError for none, for too many, or for too long a text.
    """
    if len(text) > LONGEST_TEXT:
        raise QuestionError(f"Paste at most {LONGEST_TEXT:,} characters at a time.")
    parts = [part for line in text.splitlines() for part in _parts(line)]
    found = [part for part in parts if any(map(str.isalnum, part))]
    if not found:
        raise QuestionError("Paste a sentence to check: from your notes, or from any chatbot.")
    if len(found) > MOST_SENTENCES:
        raise QuestionError(f"That is {len(found)} sentences; paste at most {MOST_SENTENCES}.")
    return found


def _parts(line: str) -> list[str]:
    return [" ".join(line[start:end].split()) for start, end in sentences(line)]


def checks(engine: Engine, checker: Checker, parts: Sequence[str]) -> Iterator[list[Checked]]:
    """What has been checked so far, after each sentence. Raises RagError."""
    done: list[Checked] = []
    for number, sentence in enumerate(parts, 1):
        passages = engine.search(sentence, PASSAGES)
        done.append(_checked(sentence, number, checker.check(sentence, passages)))
        yield done


def _checked(sentence: str, number: int, verdict: Verdict) -> Checked:
    if verdict.passage is None or verdict.status == "not_in_readings":
        return Checked(sentence, verdict.status, None)
    status: Status = verdict.status
    found = citation(number, verdict.passage, verdict.start, verdict.end, status)
    return Checked(sentence, status, found)


def report(checked: list[Checked], *, whole: bool) -> Markup:
    """The sentences with their verdicts; ``whole`` when there are no more to come."""
    items = joined(_item(at, item) for at, item in enumerate(checked))
    more = Markup() if whole else Markup('<p class="step" role="status">Checking…</p>')
    worth = fill('<p class="note">{worth}</p>', worth=_WORTH) if whole else Markup()
    busy = Markup() if whole else Markup(' aria-busy="true"')
    return fill(
        '<ol class="checks"{busy}>{items}</ol>{more}{worth}',
        busy=busy, items=items, more=more, worth=worth,
    )  # fmt: skip


def _item(at: int, item: Checked) -> Markup:
    cited = item.citation
    return fill(
        _CHECKED,
        status=item.status,
        sentence=item.sentence,
        said=_SAID[item.status],
        chip=chip(cited, f"k{at}") if cited else "",
        quote=fill("<blockquote>{q}</blockquote>", q=" ".join(cited.quote.split()))
        if cited and item.status != "quoted"
        else "",
    )


def failed(error: RagError) -> Markup:
    """Why nothing was checked."""
    return fill('<p class="note" role="alert">{error}</p>', error=str(error))
