"""Whether passages answer a question at all: what of the question stands near the best sentences.

Readings that do not answer a question about their own field share most of its words. What tells is
the words they lack: those that stand nowhere near a sentence, and have nothing alike there; names
among them tell most, and where things are to be counted, what stands beside the numbers. The weights
are those of a logistic regression (tests/benchmarks/answerable.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import astuple, dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Matches
from rag.terms import STOP_WORDS, TermWeight, located_terms, rarity, terms
from rag.types import Passage, Statement

_WEIGHTS = (-4.25, 1.58, 1.26, -6.15, 1.86)
_BIAS = -2.56
"""Of ``Signs``, and such that one in twenty answerable questions about other papers is refused."""

_MISSED_MOST = 2  # words that count as lacking
_BEFORE, _AFTER = 400, 200  # characters around a sentence that say what it speaks of
_BESIDE = 30  # characters around a number that say what it counts
_THING_WORDS = 2
_UNLIKE, _ALIKE = 0.4, 0.85  # cosines of words that have nothing in common, and of the same word

_COUNTED = re.compile(r"\bhow (?:many|much)\b", re.I)
_NUMBER = re.compile(r"(?<![\w-])\d[\d.,]*")
_NAME = re.compile(r"(?<!^)[A-Z]|\d")  # any question begins with a capital
_CONTRACTION = re.compile(r"(\w+?)(?:n['’]t|['’](?:s|re|ve|d|ll|m))", re.I)
_ABOUT_THE_QUESTION = frozenset(
    """
    accord admit answer ask author brief consist contain defin definit describ descript exact
    exampl explain explan paper pls pleas question report rough short stand survey tabl figur articl
    """.split()  # noqa: SIM905 - a list of quoted words would fill a page
)
"""Terms by which people say how they want to be answered; a page that answers has none of them."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for an answer and against it.

    ``lacking`` is the share, 0 … 1, of the question's weight that its two words make up which are
    missed most near a sentence, for the sentence that misses least. ``agreement`` is the lowest
    vote, 0 … 1, of any ranker for the first passage. ``length`` is the logarithm of the number of
    words: of many words some are always lacking. ``unnamed`` is the share of the weight that missed
    names make up, for the sentence that misses least. ``counted`` tells how far what is
    to be counted ("how many experts …") stands beside a number of a sentence, 0 … 1, for the
    sentence that fits best; 1 where nothing is to be counted.
    """

    lacking: float
    agreement: float
    length: float
    unnamed: float
    counted: float

    @property
    def odds(self) -> float:
        """For an answer, logarithmic; below 0 the question is better refused."""
        parts: tuple[float, ...] = astuple(self)
        return _BIAS + sum(weight * part for weight, part in zip(_WEIGHTS, parts, strict=True))

    @property
    def answerable(self) -> bool:
        """Whether there is enough for an answer."""
        return self.odds >= 0


Near = tuple[Statement, Matches]
"""A sentence that may answer, and how like its passage's words are to the question's."""


def signs(
    question: str,
    weight: TermWeight,
    near: Sequence[Near],
    first: Passage,
) -> Signs | None:
    """The signs by the likeliest sentences; None without any, or where no word can be looked for.

    ``weight`` tells how rare a term is in the readings, 0 … 1; ``first`` is the best passage.
    """
    words = list(_words(question, weight))
    total = sum(word.weight for word in words)
    if not near or not total:
        return None
    missed = [_missed(words, *one) for one in near]
    lacking = min(sum(sorted(each)[-_MISSED_MOST:]) for each in missed) / total
    names = [word.name for word in words]
    unnamed = min(sum(compress(each, names)) for each in missed) / total
    agreement = min((vote for _, vote in first.votes), default=1.0)
    counted = _things(question, words)
    fit = max(_beside_numbers(question, counted, *one) for one in near) if counted else 1.0
    return Signs(lacking, agreement, math.log(len(words)), unnamed, fit)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the question: ``question[start:end]``, its terms, what it counts, and whether it
    looks like a name.
    """

    start: int
    end: int
    terms: frozenset[str]
    weight: float
    name: bool

    def missed(self, found: Set[str], matches: Matches, likeness: NDArray[np.float32]) -> float:
        """0 where it stands among the terms or has its like among the words, else up to 1."""
        if self.terms & found:
            return 0.0
        own = likeness[(matches.asked >= self.start) & (matches.asked < self.end)]
        alike = float(own.mean()) if len(own) else 0.0
        return 1.0 - min(max((alike - _UNLIKE) / (_ALIKE - _UNLIKE), 0.0), 1.0)


def _words(question: str, weight: TermWeight) -> Iterator[_Word]:
    """The question's words, each once; all of them if they only say how to answer."""
    found: dict[int, set[str]] = {}
    ends: dict[int, int] = {}
    seen: set[str] = set()
    for term, start, end in located_terms(question):
        contraction = _CONTRACTION.fullmatch(question[start:end])
        if term not in seen and not (contraction and contraction[1].lower() in STOP_WORDS):
            seen.add(term)
            found.setdefault(start, set()).add(term)
            ends.setdefault(start, end)
    content = {at: own for at, own in found.items() if not own & _ABOUT_THE_QUESTION} or found
    for at, own in content.items():
        rare = rarity(question[at : ends[at]])
        name = bool(_NAME.search(question, at, ends[at]))
        yield _Word(at, ends[at], frozenset(own), rare * (0.1 + max(map(weight, own))), name)


def _missed(words: Sequence[_Word], said: Statement, matches: Matches) -> list[float]:
    """The weight of each word, as far as it is missed near a sentence."""
    chunk, window = said.passage.chunk, said.passage.chunk.window
    start, end = max(0, said.start - _BEFORE), said.end + _AFTER
    around = (chunk.reading.title, *window.section, chunk.context, said.text)
    found = {*terms(window.text[start:end]), *terms(" ".join(around))}
    likeness = matches.best(start, end)
    return [word.weight * word.missed(found, matches, likeness) for word in words]


def _things(question: str, words: Sequence[_Word]) -> list[_Word]:
    """The words that say what is to be counted; none where nothing is."""
    asked = _COUNTED.search(question)
    return [word for word in words if asked and word.start >= asked.end()][:_THING_WORDS]


def _beside_numbers(
    question: str, things: Sequence[_Word], said: Statement, matches: Matches
) -> float:
    """How far the things stand beside the number of a sentence that fits best, 0 … 1; 0 where it
    has no number but those of the question.
    """
    window = said.passage.chunk.window
    known = set(_NUMBER.findall(question))
    cells = [c for c in window.cells if c.start >= said.start and c.end <= said.end]
    best = 0.0
    for number in _NUMBER.finditer(window.text, said.start, said.end):
        if number[0] not in known:
            start = max(said.start, number.start() - _BESIDE)
            end = min(said.end, number.end() + _BESIDE)
            heads = [c.head for c in cells if c.start <= number.start() < c.end]
            found = {*terms(window.text[start:end]), *terms(" ".join(heads))}
            likeness = matches.best(start, end)
            missed = sum(thing.missed(found, matches, likeness) for thing in things)
            best = max(best, 1.0 - missed / len(things))
    return best
