"""Answers without a language model: the sentences and table cells that answer, word for word.

A sentence is as good as the share of the question's rare terms that it holds, those its passage
holds around it counting less, and better if it has the kind of thing that the question asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag.sentences import sentences
from rag.settings import Settings
from rag.terms import located_terms, rarity, terms
from rag.types import Cell, Passage, Statement

TermWeight = Callable[[str], float]
"""How rare a term is in the readings, 0 … 1."""

_MOST_WORDS = 110
_MOST_STATEMENTS = 3
_NEAR = 0.45  # what a term counts that stands around a sentence and not in it
_ASKED_FOR = 0.22  # what it is worth to hold the kind of thing asked for
_RANK = 0.02  # what a rank costs
_ENOUGH = 0.35  # the share of the question's rare terms that must stand in or near a sentence

_QUANTITY = re.compile(
    r"\b(how (?:many|much|large|big|long|often|high|far)|what (?:percentage|share|number|score|size"
    r"|accuracy|amount|rate|fraction)|number of|score|accuracy|percent|percentage|size|tokens|when"
    r"|year|cut-?off|parameters?)\b",
    re.I,
)
_REASON = re.compile(r"\bwhy\b|\breasons?\b|\bcause[sd]?\b", re.I)
_DEFINITION = re.compile(
    r"\b(what(?:'s| is| are|s)|define|definition|mean(?:s|ing)?|explain)\b", re.I
)
_STORY = re.compile(
    r"\bwhy\b|\bhow (?:do|does|did|is|are|was|were|to|can)\b|\bexplain\b|\bmean", re.I
)
_STORY_WORDS = 75
_BECAUSE = re.compile(r"\b(because|since|due to|as |in order to|so that|thus|therefore|lead)", re.I)
_DEFINES = re.compile(
    r"\b(is|are|refers? to|means?|denotes?|describes?|called|known as|presents?)\b"
)
_LOOSE_START = re.compile(
    r"(?:It|They|This|These|Those|Such|He|She|Its|Their|However|Moreover|Therefore|Thus|Hence"
    r"|Furthermore|Additionally|Also)\b"
)


def load(settings: Settings, weight: TermWeight) -> Extractive:
    """The quoter; no setting changes it."""
    return Extractive(weight)


class Extractive:
    """Picks what answers from passages; knows only how rare terms are."""

    name = "extractive"

    def __init__(self, weight: TermWeight) -> None:
        self._weight = weight

    def quote(self, question: str, passages: Sequence[Passage]) -> list[Statement]:
        """At most three statements and 110 words, best first; empty where nothing answers."""
        asked = _Asked.read(question, self._weight)
        if not asked.weights:
            return []
        units = [unit for passage in passages for unit in _units(asked, passage)]
        units.sort(key=lambda unit: -unit.score)
        if not units or units[0].cover < _ENOUGH:
            return []
        return [unit.statement for unit in _chosen(asked, units)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question's terms with their weights (which sum to 1) and the kind of thing it asks for."""

    text: str
    weights: dict[str, float]
    quantity: bool
    reason: bool
    definition: bool
    story: bool

    @classmethod
    def read(cls, question: str, weight: TermWeight) -> _Asked:
        weights: dict[str, float] = {}
        for term, start, end in located_terms(question):
            rare = rarity(question[start:end])
            weights[term] = max(weights.get(term, 0.0), rare * (0.1 + weight(term)))
        total = sum(weights.values()) or 1.0
        return cls(
            question,
            {term: w / total for term, w in weights.items()},
            bool(_QUANTITY.search(question)),
            bool(_REASON.search(question)),
            bool(_DEFINITION.search(question)),
            bool(_STORY.search(question)) and not _QUANTITY.search(question),
        )

    def share(self, found: set[str]) -> float:
        """The part of the question's weight that these terms make up."""
        return sum(w for term, w in self.weights.items() if term in found)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence or a row that may answer."""

    statement: Statement
    found: frozenset[str]
    cover: float
    score: float


def _units(asked: _Asked, passage: Passage) -> Iterator[_Unit]:
    """The passage's sentences or rows, scored."""
    chunk, window = passage.chunk, passage.chunk.window
    around = set(terms(" ".join((chunk.reading.title, *window.section, chunk.context))))
    if window.kind == "table":
        yield from _rows(asked, passage, around)
        return
    ranges = sentences(window.text)
    found = [{t for t, _, _ in located_terms(window.text[a:b])} for a, b in ranges]
    for at, (start, end) in enumerate(ranges):
        near = around.union(*found[max(at - 2, 0) : at + 2])
        bonus = _ASKED_FOR * _fits(asked, window.text[start:end])
        if at and _LOOSE_START.match(window.text[start:end]):
            start = ranges[at - 1][0]
        end = _told(asked, window.text, ranges, at)
        statement = Statement(_said(window.text[start:end]), passage, start, end)
        yield _scored(asked, statement, found[at], near, bonus)


def _told(asked: _Asked, text: str, ranges: Sequence[tuple[int, int]], at: int) -> int:
    """Where what a sentence begins to tell ends: what a colon announces belongs to it, and a
    question for reasons or ways wants the next sentence, too.
    """
    end = ranges[at][1]
    for low, high in ranges[at + 1 : at + 3]:
        announced = text[:end].endswith(":")
        wanted = asked.story and "\n" not in text[end:low]
        if not (announced or wanted) or len(text[ranges[at][0] : high].split()) > _STORY_WORDS:
            break
        end = high
        if not announced:
            break
    return end


def _scored(
    asked: _Asked, statement: Statement, here: set[str], near: set[str], bonus: float
) -> _Unit:
    share = asked.share(here)
    cover = share + _NEAR * asked.share(near - here)
    score = cover + bonus * min(1.0, 2 * share) - _RANK * (statement.passage.rank - 1)
    return _Unit(statement, frozenset(here), cover, score)


def _fits(asked: _Asked, sentence: str) -> float:
    """How far the sentence holds the kind of thing the question asks for, 0 … 1."""
    if asked.quantity:
        known = set(re.findall(r"\d[\d.,]*", asked.text))
        bare = re.sub(
            r"\([^()]*\b(?:19|20)\d\d[a-z]?\)|\b(?:19|20)\d\d[a-z]?\b(?=[;)])", "", sentence
        )
        if any(number not in known for number in re.findall(r"(?<![\w-])\d[\d.,]*", bare)):
            return 1.0
    if asked.reason and _BECAUSE.search(sentence):
        return 0.7
    if asked.definition and not asked.quantity and _DEFINES.search(sentence):
        return 0.5
    return 0.0


def _rows(asked: _Asked, passage: Passage, around: set[str]) -> Iterator[_Unit]:
    """A table's rows: the label and the cells whose heads the question names."""
    window = passage.chunk.window
    start = 0
    for line in window.text.split("\n"):
        end = start + len(line)
        cells = [cell for cell in window.cells if start <= cell.start and cell.end <= end]
        heads = [set(terms(cell.head)) for cell in cells]
        if len(cells) > 1 and any(heads):
            here = set(terms(line))
            label = set(terms(window.text[cells[0].start : cells[0].end]))
            chosen = _answering(asked, cells, heads, label)
            named = set().union(*(heads[at] for at in chosen))
            said = _row_said(window.text, cells, chosen)
            statement = Statement(said, passage, start, end)
            bonus = _ASKED_FOR * (1.0 if asked.share(label) > 0 else 0.0)
            yield _scored(asked, statement, here | named, around, bonus)
        elif not cells:
            statement = Statement(_said(line), passage, start, end)
            yield _scored(asked, statement, set(terms(line)), around, 0.0)
        start = end + 1


def _answering(
    asked: _Asked, cells: Sequence[Cell], heads: Sequence[set[str]], label: set[str]
) -> list[int]:
    """The numbers of the cells to be said: those whose heads share most with what is asked and
    the row's label does not say already.
    """
    open_terms = set(asked.weights) - label
    worth = [asked.share(head & open_terms) for head in heads]
    best = max(worth[1:])
    if best <= 0:
        return list(range(1, min(len(cells), 9)))
    return [at for at in range(1, len(cells)) if worth[at] > 0.75 * best]


def _row_said(text: str, cells: Sequence[Cell], chosen: Sequence[int]) -> str:
    label = text[cells[0].start : cells[0].end]
    said = [
        f"{cells[at].head}: {text[cells[at].start : cells[at].end]}".lstrip(": ") for at in chosen
    ]
    return f"{label} — {'; '.join(said)}"


def _chosen(asked: _Asked, units: Sequence[_Unit]) -> list[_Unit]:
    """The best unit, then those that add most of what is asked and not yet said."""
    chosen: list[_Unit] = []
    said: set[str] = set()
    words = 0
    rest = list(units)
    while rest and len(chosen) < _MOST_STATEMENTS:
        unit = max(rest, key=lambda u: u.score + asked.share(set(u.found) - said))
        rest.remove(unit)
        count = len(unit.statement.text.split())
        weak = chosen and unit.score < 0.62 * chosen[0].score
        if weak or (chosen and words + count > _MOST_WORDS) or _repeats(unit, chosen):
            continue
        chosen.append(unit)
        said |= unit.found
        words += count
    return chosen


def _repeats(unit: _Unit, chosen: Sequence[_Unit]) -> bool:
    """Whether the same words were chosen already."""
    mine = unit.statement
    return any(
        mine.text in other.statement.text
        or other.statement.text in mine.text
        or (
            other.statement.passage.chunk.window.window_id == mine.passage.chunk.window.window_id
            and mine.start < other.statement.end
            and other.statement.start < mine.end
        )
        for other in chosen
    )


def _said(text: str) -> str:
    """A quote as it is said: on one line, without the bullet in front of it."""
    return re.sub(r"^[•◦▪–∙·*‣►]\s*", "", " ".join(text.split()))
