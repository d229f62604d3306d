"""Answers without a language model: the sentences and table cells that answer, word for word.

A sentence is as good as the share of the question's rare terms that it holds, those its passage
holds around it counting less, and better if it has the kind of thing that the question asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from rag.answerable import Signs, signs
from rag.clauses import clauses, joins
from rag.embedded import Matches
from rag.numerals import counts
from rag.protocols import Matcher
from rag.reader import Reader
from rag.scores import min_max
from rag.sentences import sentences
from rag.settings import Settings
from rag.terms import TermWeight, located_terms, rarity, term_set
from rag.types import Cell, Passage, Statement, Window

_MOST_WORDS = 110
_MOST_STATEMENTS = 4
_WEIGHTS = (1.0, 0.37, 0.87, 1.19, 1.14, 0.65)
"""What each part of a sentence's evidence (``_Evidence``) is worth: fitted to which sentence of the
passages answers, on 209 questions about 13 papers (tests/benchmarks/sentence_weights.py). A later
fit (1, .19, .83, 1.2, 1.02, .59) says as many facts and cites more pages beside the right ones.
"""

_BROKEN = 0.3  # what it costs to go on in another column: something may float in between
_LOOKED_AT = 12  # units of which that is asked
_LABELS = 0.5  # what it costs to be no sentence: a figure's labels, or an address
_WEAKER, _WEAKER_ELSEWHERE, _WEAKER_THAN_CELLS = 1.3, 0.5, 0.5
"""A sentence worth so much less than the best is not said, nor one that shares no word with the
question: on a page of which something is said already more is right than elsewhere,
and a quantity asked for that stands in a table needs no words around it. Of 209 questions
about 13 papers .55 get all facts so and .72 of the citations are right; without the difference
(1.15, and at most three) .54 and .67.
"""

_CELL = 0.9
"""How far a row that is a cell asked for is the kind of thing the question wants, at least."""

_CELL_FIRST = 0.6
"""By how much a sentence must be better to stand before a quantity's own cell."""

_LIKELIEST = 6  # units by which it is judged whether there is an answer at all
_READ = 2  # of these, that a model reads where there is doubt

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
_FEWEST_WORDS = 4  # of a sentence
_MOST_CELLS = 8  # of a row of which no column is asked for
_BECAUSE = re.compile(r"\b(because|since|due to|as |in order to|so that|thus|therefore|lead)", re.I)
_DEFINES = re.compile(
    r"\b(is|are|refers? to|means?|denotes?|describes?|called|known as|presents?)\b"
)
_LOOSE_START = re.compile(
    r"(?:(?:However|Moreover|Furthermore|Additionally|Also|In addition|Notably|Besides|Finally), )?"
    r"(?:[Ii]t|[Tt]hey|[Tt]his|[Tt]hese|[Tt]hose|[Ss]uch|He|She|[Ii]ts|[Tt]heir|Therefore|Thus|Hence"
    r"|(?:To|For|In|With|By|Despite|From|After|On|Under|Given|Using|As) (?:\w+ ){0,2}"
    r"(?:this|these|that|those|such|it))\b"
)
"""How a sentence begins that is not understood without the one before."""


def load(settings: Settings, weight: TermWeight, matcher: Matcher) -> Extractive:
    """The quoter; no setting changes it."""
    return Extractive(weight, matcher)


class Extractive:
    """Picks what answers from passages; knows how rare terms are and how like words are, and reads."""

    name = "extractive"

    def __init__(self, weight: TermWeight, matcher: Matcher) -> None:
        self._weight = weight
        self._matcher = matcher
        self._reader = Reader()

    def quote(self, question: str, passages: Sequence[Passage]) -> list[Statement]:
        """At most four statements and 110 words, best first; empty where nothing answers.

        Where a question joins things and the search found two readings first, each has its say.
        """
        asked = _Asked.read(question, self._weight)
        matches = self._matcher.matches(question, passages)
        units = self._units(asked, passages, matches)
        of_each = self._of_each(asked, passages, matches) if joins(question) else []
        found = self._signs(asked, units, passages, matches)
        if found is None or not found.answer(lambda: _told(self._reader, question, units, of_each)):
            return []
        return [unit.statement for unit in _chosen(asked, of_each, units)]

    def _of_each(
        self, asked: _Asked, passages: Sequence[Passage], matches: Sequence[Matches]
    ) -> list[_Unit]:
        """The best unit of each of the two readings that were found first; empty if it is one."""
        found = dict.fromkeys(p.chunk.reading.reading_id for p in passages[:2])
        if len(found) < 2:
            return []
        best: list[_Unit] = []
        for reading in found:
            own = [at for at, p in enumerate(passages) if p.chunk.reading.reading_id == reading]
            units = self._units(asked, [passages[at] for at in own], [matches[at] for at in own])
            best += units[:1]
        return best

    def _signs(
        self,
        asked: _Asked,
        units: Sequence[_Unit],
        passages: Sequence[Passage],
        matches: Sequence[Matches],
    ) -> Signs | None:
        """What speaks for an answer, by the best units; None without any."""
        if not units:
            return None
        of = {p.chunk.window.window_id: own for p, own in zip(passages, matches, strict=True)}
        said = [unit.statement for unit in units[:_LIKELIEST]]
        near = [(one, of[one.passage.chunk.window.window_id]) for one in said]
        return signs(asked.text, self._weight, near, passages[0])

    def _units(
        self, asked: _Asked, passages: Sequence[Passage], matches: Sequence[Matches]
    ) -> list[_Unit]:
        """The sentences and rows of all passages, the best first."""
        worths = min_max(np.array([passage.score for passage in passages])).tolist()
        units: list[_Unit] = []
        for passage, worth, words in zip(passages, worths, matches, strict=True):
            units += _Source(asked, passage, worth, words).units()
        units.sort(key=lambda unit: -unit.score)
        first = [_unlabelled(_unbroken(unit)) for unit in units[:_LOOKED_AT]]
        return sorted(first, key=lambda unit: -unit.score)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question's terms with their weights (which sum to 1), its numbers, and the kind of thing it
    asks for.
    """

    text: str
    weights: dict[str, float]
    terms: frozenset[str]
    numbers: frozenset[str]
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
            frozenset(weights),
            frozenset(number for number, _ in counts(question)),
            bool(_QUANTITY.search(question)),
            bool(_REASON.search(question)),
            bool(_DEFINITION.search(question)),
            bool(_STORY.search(question)) and not _QUANTITY.search(question),
        )

    def share(self, found: Set[str]) -> float:
        """The part of the question's weight that these terms make up."""
        return sum(map(self.weights.__getitem__, self.terms & found))


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What speaks for a sentence, each part 0 … 1.

    ``share`` of the question's terms in it, ``around`` of those that stand around it only,
    ``asked_for`` whether it holds the kind of thing asked for, ``close`` the likeness of its words
    to the question's, ``passage`` its passage's score among the passages, ``matched`` whether it
    is what the search matched and not what stands around; of a table that is the row and column
    that the question names.
    """

    share: float
    around: float
    asked_for: float
    close: float
    passage: float
    matched: float

    @property
    def worth(self) -> float:
        """The weighted sum."""
        parts = (
            self.share, self.around, self.asked_for, self.close, self.passage, self.matched,
        )  # fmt: skip
        return sum(weight * part for weight, part in zip(_WEIGHTS, parts, strict=True))


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence or a row that may answer."""

    statement: Statement
    evidence: _Evidence
    score: float

    @property
    def is_cell(self) -> bool:
        """Whether it is of a table, and the row and the column are those that the question names."""
        window = self.statement.passage.chunk.window
        return window.kind == "table" and self.evidence.asked_for >= _CELL


@dataclass(frozen=True, slots=True)
class _Source:
    """A passage that is looked through: its score among the passages, 0 … 1, and how like its
    window's words are to the question's.
    """

    asked: _Asked
    passage: Passage
    worth: float
    words: Matches

    def units(self) -> Iterator[_Unit]:
        """The passage's sentences or rows, scored."""
        around = term_set(" ".join(self.passage.chunk.above))
        table = self.passage.chunk.window.kind == "table"
        return self._rows(around) if table else self._sentences(around)

    def _sentences(self, around: frozenset[str]) -> Iterator[_Unit]:
        window = self.passage.chunk.window
        ranges = sentences(window.text)
        found = [term_set(window.text[a:b]) for a, b in ranges]
        for at, (start, end) in enumerate(ranges):
            near = around.union(*found[max(at - 2, 0) : at + 2])
            bonus = _fits(self.asked, window.text[start:end])
            if (
                at
                and _LOOSE_START.match(window.text[start:end])
                and _flows(window, ranges[at - 1][1], start)
            ):
                start = ranges[at - 1][0]
            end = _extent(self.asked, window, ranges, at)
            said, matched = _said(window.text[start:end]), self._is_matched(start, end)
            yield self._scored(said, start, end, found[at], near, bonus, matched)

    def _rows(self, around: frozenset[str]) -> Iterator[_Unit]:
        """A table's rows: the label and the cells whose heads the question names."""
        window = self.passage.chunk.window
        every = list(window.cells)
        start = 0
        for line in window.text.split("\n"):
            end = start + len(line)
            cells = [cell for cell in every if start <= cell.start and cell.end <= end]
            heads = [term_set(cell.head) for cell in cells]
            if len(cells) > 1 and any(heads):
                label = term_set(window.text[cells[0].start : cells[0].end])
                # What the row's label says already no column need say.
                worths = [self.asked.share(head - label) for head in heads]
                asked_for = self._asked_of(label, max(worths[1:]) > 0)
                chosen = _answering(worths)
                named = term_set(line).union(*(heads[at] for at in chosen))
                said = _row_said(window.text, cells, chosen)
                found = asked_for == 1.0 or self._is_matched(start, end)
                yield self._scored(said, start, end, named, around, asked_for, found)
            elif not cells:
                found = self._is_matched(start, end)
                yield self._scored(_said(line), start, end, term_set(line), around, 0.0, found)
            start = end + 1

    def _asked_of(self, label: Set[str], column: bool) -> float:
        """How far a row is what the question asks for: half if it names the row and no column. What
        a thing is no row tells.
        """
        if not self.asked.share(label):
            return 0.0
        if column:
            return 1.0
        return 0.0 if self.asked.definition and not self.asked.quantity else 0.5

    def _is_matched(self, start: int, end: int) -> bool:
        return start < self.passage.chunk.end and end > self.passage.chunk.start

    def _scored(
        self,
        text: str,
        start: int,
        end: int,
        here: Set[str],
        near: Set[str],
        bonus: float,
        matched: bool,
    ) -> _Unit:
        """``here`` are the terms of what is said, ``near`` those around it, too."""
        share = self.asked.share(here)
        evidence = _Evidence(
            share,
            self.asked.share(near - here),
            bonus * min(1.0, 2 * share),
            self.words.between(start, end),
            self.worth,
            float(matched),
        )
        return _Unit(Statement(text, self.passage, start, end), evidence, evidence.worth)


def _told(reader: Reader, question: str, units: Sequence[_Unit], of_each: Sequence[_Unit]) -> float:
    """The odds, logarithmic, that the best units tell what is asked; of a compound question the mean
    over its parts.
    """
    said = [unit.statement for unit in (*units[:_READ], *of_each)]
    parts = clauses(question) or [question]
    return sum(reader.odds(part, said) for part in parts) / len(parts)


def _extent(asked: _Asked, window: Window, ranges: Sequence[tuple[int, int]], at: int) -> int:
    """Where what a sentence begins to tell ends: what a colon announces belongs to it, and a
    question for reasons or ways wants the next sentence, too.
    """
    text, end = window.text, ranges[at][1]
    for low, high in ranges[at + 1 : at + 3]:
        announced = text.endswith(":", 0, end)
        wanted = asked.story and "\n" not in text[end:low]
        if wanted and text.endswith(":", low, high):
            break  # it would announce what is not said
        if not (announced or wanted) or len(text[ranges[at][0] : high].split()) > _STORY_WORDS:
            break
        if not _flows(window, end, low):
            break
        end = high
        if not announced:
            break
    return end


def _unbroken(unit: _Unit) -> _Unit:
    """The unit, worth less if its words go on higher up on the page than they stood."""
    said = unit.statement
    broken = said.passage.chunk.window.spans.goes_up(said.start, said.end)
    return replace(unit, score=unit.score - _BROKEN) if broken else unit


def _unlabelled(unit: _Unit) -> _Unit:
    """The unit, worth less if it is no sentence: most of its words are names, or it is an address."""
    text = unit.statement.text
    if unit.statement.passage.chunk.window.kind == "table":
        return unit
    words = re.findall(r"[^\W\d_]+", text)
    plain = sum(map(str.islower, words)) >= len(words) / 2 and len(words) >= _FEWEST_WORDS
    sentence = plain and "http" not in text and text.count("E.g.") <= 1
    return unit if sentence else replace(unit, score=unit.score - _LABELS)


def _flows(window: Window, end: int, start: int) -> bool:
    """Whether what starts goes on below what ends: nothing floats between them on the page."""
    both = (window.spans.within(end - 1, end), window.spans.within(start, start + 1))
    boxes = [span.box for spans in both for span in spans]
    if len(boxes) != 2 or boxes[0].page != boxes[1].page:
        return False
    last, first = boxes
    return last.y0 < first.y1 and first.y0 - last.y1 < 2 * (last.y1 - last.y0)


def _fits(asked: _Asked, sentence: str) -> float:
    """How far the sentence holds the kind of thing the question asks for, 0 … 1."""
    if asked.quantity and any(number not in asked.numbers for number, _ in counts(sentence)):
        return 1.0
    if asked.reason and _BECAUSE.search(sentence):
        return 0.7
    if asked.definition and not asked.quantity and _DEFINES.search(sentence):
        return 0.5
    return 0.0


def _answering(worths: Sequence[float]) -> list[int]:
    """The numbers of the cells to be said, the label's being 0: those whose heads share most with what
    is asked; the first few where none does.
    """
    best = max(worths[1:])
    if best <= 0:
        return list(range(1, min(len(worths), _MOST_CELLS + 1)))
    return [at for at in range(1, len(worths)) if worths[at] > 0.75 * best]


def _row_said(text: str, cells: Sequence[Cell], chosen: Sequence[int]) -> str:
    label = text[cells[0].start : cells[0].end]
    said = [
        f"{cells[at].head}: {text[cells[at].start : cells[at].end]}".lstrip(": ") for at in chosen
    ]
    cut = chosen[-1] == len(chosen) == _MOST_CELLS < len(cells) - 1
    return f"{label} — {'; '.join(said)}{'; …' if cut else ''}"


def _chosen(asked: _Asked, first: Sequence[_Unit], units: Sequence[_Unit]) -> list[_Unit]:
    """The first, or else the best, and the next that are not much weaker and say something else."""
    if asked.quantity:
        units = sorted(units, key=lambda unit: -unit.score - _CELL_FIRST * unit.is_cell)
    chosen = list(first)
    places = {place for unit in first for place in _places(unit)}
    words = sum(len(unit.statement.text.split()) for unit in first)
    for unit in units:
        count, own = len(unit.statement.text.split()), _places(unit)
        if len(chosen) == _MOST_STATEMENTS:
            break
        if chosen:
            most = _WEAKER_ELSEWHERE if places.isdisjoint(own) else _WEAKER
            if asked.quantity and chosen[0].is_cell:
                most = min(most, _WEAKER_THAN_CELLS)
            weak = not unit.evidence.share or chosen[0].score - unit.score > most
            if weak or words + count > _MOST_WORDS or _repeats(unit, chosen):
                continue
        chosen.append(unit)
        places |= own
        words += count
    return chosen


def _places(unit: _Unit) -> set[tuple[str, int | str]]:
    """The reading and the pages on which it stands, or its window where no page is known."""
    said, chunk = unit.statement, unit.statement.passage.chunk
    pages = chunk.window.spans.pages_within(said.start, said.end)
    places: Sequence[int | str] = pages or [chunk.window.window_id]
    return {(chunk.reading.reading_id, place) for place in places}


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
