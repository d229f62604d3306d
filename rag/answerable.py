"""Whether passages answer a question at all: what of the question stands near the best sentences.

Readings that do not answer a question about their own field share most of its words. What tells is
the words they lack: those that stand nowhere near a sentence, and have nothing alike there; names
among them tell most, and where things are to be counted, what stands beside the numbers. Where they
leave doubt, a small model reads the best sentences (rag/reader.py). The weights are those of two
logistic regressions (tests/benchmarks/answerable.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import astuple, dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Matches
from rag.numerals import counts
from rag.terms import STOP_WORDS, TermWeight, located_terms, rarity, term_set
from rag.types import Passage, Statement

_WEIGHTS, _BIAS = (-5.27, 1.68, 0.81, -5.86, 1.55), -2.13
"""Of ``Signs``, before anything is read."""

_SURE = 0.4
"""Odds from which nothing is read: three of four answerable questions reach them."""

_READ_WEIGHTS, _READ_BIAS = (-3.45, 1.48, -4.17, 1.06, 0.59), 1.1
"""Of ``Signs`` without their length and of what the reader makes of the sentences, and such that one
in 20 answerable questions about other papers is refused. With the length more of those without an
answer are, but only since these happen to be shorter in tests/questions.
"""

_MISSED_MOST = 2  # words that count as lacking
_BEFORE, _AFTER = 400, 200  # characters around a sentence that say what it speaks of
_BESIDE = 30  # characters around a number that say what it counts
_THING_WORDS = 2
_UNLIKE, _ALIKE = 0.4, 0.85  # cosines of words that have nothing in common, and of the same word

_COUNTED = re.compile(r"\bhow (?:many|much)\b", re.I)
_OPENING = re.compile(r"(?:^|[.?!:])\W*$")
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
        """For an answer, logarithmic, before anything is read."""
        return _BIAS + _weighted(_WEIGHTS, astuple(self))

    def answer(self, told: Callable[[], float]) -> bool:
        """Whether there is enough for an answer. ``told`` gives the odds that the sentences tell what
        is asked, logarithmic; it is called where there is doubt.
        """
        if self.odds >= _SURE:
            return True
        parts = (self.lacking, self.agreement, self.unnamed, self.counted, told())
        return _READ_BIAS + _weighted(_READ_WEIGHTS, parts) >= 0


def _weighted(weights: Sequence[float], parts: Sequence[float]) -> float:
    return sum(weight * part for weight, part in zip(weights, parts, strict=True))


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
    things = _things(question, weight)
    known = {number for number, _ in counts(question)}
    counted = max(_beside_numbers(known, things, *one) for one in near) if things else 1.0
    return Signs(lacking, agreement, math.log(len(words)), unnamed, counted)


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


def _words(question: str, weight: TermWeight, start: int = 0) -> Iterator[_Word]:
    """The question's words from ``start`` on, each once; all of them if they only say how to answer."""
    found: dict[int, set[str]] = {}
    ends: dict[int, int] = {}
    seen: set[str] = set()
    for term, at, end in located_terms(question):
        contraction = _CONTRACTION.fullmatch(question[at:end])
        silent = at < start or (contraction and contraction[1].lower() in STOP_WORDS)
        if term not in seen and not silent:
            seen.add(term)
            found.setdefault(at, set()).add(term)
            ends.setdefault(at, end)
    content = {at: own for at, own in found.items() if not own & _ABOUT_THE_QUESTION} or found
    for at, own in content.items():
        worth = rarity(question[at : ends[at]]) * (0.1 + max(map(weight, own)))
        yield _Word(at, ends[at], frozenset(own), worth, _named(question, at, ends[at]))


def _named(question: str, start: int, end: int) -> bool:
    """Whether a word looks like a name: a digit in it, or a capital that no sentence asks for."""
    word = question[start:end]
    if any(map(str.isdigit, word)):
        return True
    bare = word[1:] if _OPENING.search(question[:start]) else word
    return any(map(str.isupper, bare)) and not question.isupper()


def _missed(words: Sequence[_Word], said: Statement, matches: Matches) -> list[float]:
    """The weight of each word, as far as it is missed near a sentence."""
    chunk, window = said.passage.chunk, said.passage.chunk.window
    start, end = max(0, said.start - _BEFORE), said.end + _AFTER
    around = " ".join((*chunk.above, said.text))
    found = term_set(window.text[start:end]) | term_set(around)
    likeness = matches.best(start, end)
    return [word.weight * word.missed(found, matches, likeness) for word in words]


def _things(question: str, weight: TermWeight) -> list[_Word]:
    """The words that say what is to be counted; none where nothing is."""
    asked = _COUNTED.search(question)
    return list(_words(question, weight, asked.end()))[:_THING_WORDS] if asked else []


def _beside_numbers(
    known: Set[str], things: Sequence[_Word], said: Statement, matches: Matches
) -> float:
    """How far the things stand beside the number of a sentence that fits best, 0 … 1; 0 where it
    has no number but those that are ``known`` from the question.
    """
    window = said.passage.chunk.window
    cells = [c for c in window.cells if c.start >= said.start and c.end <= said.end]
    best = 0.0
    for number, place in counts(window.text[said.start : said.end]):
        if number not in known:
            at = said.start + place
            start = max(said.start, at - _BESIDE)
            end = min(said.end, at + len(number) + _BESIDE)
            heads = [cell.head for cell in cells if cell.start <= at < cell.end]
            found = term_set(window.text[start:end]) | term_set(" ".join(heads))
            likeness = matches.best(start, end)
            missed = sum(thing.missed(found, matches, likeness) for thing in things)
            best = max(best, 1.0 - missed / len(things))
    return best
