"""What one question's record is worth, by each of the figures: pure, from 0 to 1.

Of a passage only its first 300 words and its first two pages count, of an answer its first 120
words: a longer one would hold more by being longer, not by being better.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rag.questions import Evidence, Question
from rag.records import Record

CUTOFFS = (1, 3, 5, 10)
"""The ranks by which a passage may have been found."""

MISSED_BEYOND = 5
"""A question counts as missed where no evidence stands among so many passages."""

_PASSAGE_WORDS, _PASSAGE_PAGES, _ANSWER_WORDS = 300, 2, 120
_LONG_KEY = 5
"""From so many characters on, a key also counts where it is spaced or hyphenated otherwise."""


@dataclass(frozen=True, slots=True)
class Marks:
    """A question, what came of it, and its marks.

    ``record`` has the form of the command contract: passages, and after an answer also
    ``answer``, ``abstained`` and ``citations``. ``values`` lacks the figures that do not apply:
    those of the answer where none was asked for, the precision of citations where there is none.
    """

    question: Question
    record: Record
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Miss:
    """A question that failed, why, and the keys its answer lacks."""

    marks: Marks
    reasons: tuple[str, ...]
    lacking: tuple[tuple[str, ...], ...]


Hit = Callable[[Record, Evidence], bool]
"""Whether a passage or citation bears the evidence."""


def mark(question: Question, record: Record, k: int) -> Marks:
    """The marks of a question for which at most ``k`` passages were searched.

    Ranks beyond k are not marked: ``page@10`` of five passages would be ``page@5``.
    """
    answered = record.get("answer") is not None
    if not question.answerable:
        values = {"abstained": float(record["abstained"])} if answered else {}
        return Marks(question, record, values)
    values = _ranked("page", rank(question, record, page_hit), k)
    values |= _ranked("text", rank(question, record, text_hit), k)
    if answered:
        values |= _of_the_answer(question, record)
    return Marks(question, record, values)


def _hit_of(question: Question) -> Hit:
    """What counts as having found the evidence: its words, or the page where none are given."""
    return text_hit if any(place.texts for place in question.evidence) else page_hit


def _ranked(name: str, found: int | None, k: int) -> dict[str, float]:
    values = {f"{name}@{at}": float(bool(found and found <= at)) for at in CUTOFFS if at <= k}
    return values | {f"{name}_mrr": 1 / found if found else 0.0}


def _of_the_answer(question: Question, record: Record) -> dict[str, float]:
    abstained = bool(record["abstained"])
    citations = record.get("citations") or []
    right = [any(page_hit(cited, e) for e in question.evidence) for cited in citations]
    values = {
        "key_in_answer": float(not abstained and not lacking(question, record["answer"])),
        "wrongly_abstained": float(abstained),
        "citation_page_hit": float(any(right)),
    }
    return values | ({"citation_page_precision": sum(right) / len(right)} if right else {})


def rank(question: Question, record: Record, hit: Hit) -> int | None:
    """The rank from 1 by which the evidence has been seen, or None.

    Where a question spans readings, evidence of each must have been.
    """
    ranks = [_first(record["passages"], part, hit) for part in _parts(question)]
    found = [at for at in ranks if at is not None]
    return max(found) if found and len(found) == len(ranks) else None


def _parts(question: Question) -> list[list[Evidence]]:
    """The sets of places of each of which one must be found."""
    if not question.spans_readings:
        return [list(question.evidence)]
    parts = [[e for e in question.evidence if e.reading == one] for one in question.readings]
    return [part for part in parts if part]


def _first(passages: Sequence[Record], evidence: Sequence[Evidence], hit: Hit) -> int | None:
    for at, passage in enumerate(passages, 1):
        if any(hit(passage, place) for place in evidence):
            return at
    return None


def page_hit(passage: Record, evidence: Evidence) -> bool:
    """Whether a passage or citation stands on the page of the evidence."""
    pages = passage["pages"][:_PASSAGE_PAGES]
    return passage["reading"] == evidence.reading and evidence.page in pages


def text_hit(passage: Record, evidence: Evidence) -> bool:
    """Whether a passage holds all texts of the evidence, whatever their spacing and case.

    Only Latin letters, digits and ``.%+`` are compared: a text without any is always held.
    """
    if passage["reading"] != evidence.reading or not evidence.texts:
        return False
    text = _bare(_opening(passage["text"], _PASSAGE_WORDS))
    return all(_bare(wanted) in text for wanted in evidence.texts)


def lacking(question: Question, answer: str) -> tuple[tuple[str, ...], ...]:
    """The groups of keys of which the answer holds no alternative."""
    opening = _plain(_opening(answer, _ANSWER_WORDS))
    bare = _bare(opening)
    return tuple(
        group for group in question.keys if not any(_holds(opening, bare, key) for key in group)
    )


def _holds(answer: str, bare: str, key: str) -> bool:
    """Whether the key stands in the answer by itself: 10 is neither in 110, 10.5 nor 100."""
    bare_key = _bare(_plain(key))
    if len(bare_key) >= _LONG_KEY and bare_key in bare:
        return True
    return re.search(_by_itself(_plain(key)), answer) is not None


def _by_itself(key: str) -> str:
    before = r"(?<![0-9.])" if key[:1].isdigit() else r"(?<![a-z])" if key[:1].isalpha() else ""
    # 2.5 may be printed 2.50, but 25 is not 250.
    zeros = "0*" if "." in key else ""
    after = zeros + r"(?![0-9]|\.[0-9])" if key[-1:].isdigit() else ""
    return before + re.escape(key) + after


def _opening(text: str, words: int) -> str:
    return " ".join(text.split(" ")[:words])


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _bare(text: str) -> str:
    """The text as NFKC without case, white space, hyphens at line ends, and most punctuation."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^a-z0-9.%+]", "", text)


def misses(marks: Sequence[Marks], k: int) -> tuple[Miss, ...]:
    """The questions that failed, in their order: no evidence in the first five passages
    (or in all ``k`` of fewer), a wrong decision to answer or to decline, or facts missing.
    """
    found = (_miss(one, min(k, MISSED_BEYOND)) for one in marks)
    return tuple(miss for miss in found if miss.reasons)


def _miss(marks: Marks, first: int) -> Miss:
    question, record, values = marks.question, marks.record, marks.values
    reasons: list[str] = []
    lacks: tuple[tuple[str, ...], ...] = ()
    if question.answerable:
        at = rank(question, record, _hit_of(question))
        if at is None or at > first:
            where = "nor do the others" if at is None else f"the first {at} do"
            reasons.append(f"the first {first} passages do not hold the evidence, {where}")
    if values.get("wrongly_abstained"):
        reasons.append("declined, although the readings answer it")
    elif values.get("key_in_answer") == 0:
        lacks = lacking(question, record["answer"])
        reasons.append("facts are missing in the answer")
    if values.get("abstained") == 0:
        reasons.append("answered, although the readings do not say")
    return Miss(marks, tuple(reasons), lacks)
