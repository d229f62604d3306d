"""Whether passages answer a question at all: what of the question stands near the best sentences.

Readings that do not answer a question about their own field share most of its words. What tells is
the words they lack: those that stand nowhere near a sentence, and have nothing alike there. The
weights are those of a logistic regression (tests/benchmarks/answerable.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from rag.embedded import Matches
from rag.terms import STOP_WORDS, TermWeight, located_terms, rarity, terms
from rag.types import Passage, Statement

_WEIGHTS = (-6.26, 1.52, -0.62, 0.93)
_BIAS = -0.05
"""Of ``Signs``, and such that one in twenty answerable questions about other papers is refused."""

_BEFORE, _AFTER = 400, 200  # characters around a sentence that say what it speaks of
_UNLIKE, _ALIKE = 0.4, 0.85  # cosines of words that have nothing in common, and of the same word

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
    vote, 0 … 1, of any ranker for the first passage. ``quantity`` tells whether a number is asked
    for: there any page has some that would do, so more is wanted. ``length`` is the logarithm of
    the number of words: of many words some are always lacking.
    """

    lacking: float
    agreement: float
    quantity: float
    length: float

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
    *,
    quantity: bool,
) -> Signs | None:
    """The signs by the likeliest sentences; None without any, or where no word can be looked for.

    ``weight`` tells how rare a term is in the readings, 0 … 1; ``first`` is the best passage.
    """
    words = list(_words(question, weight))
    total = sum(word.weight for word in words)
    if not near or not total:
        return None
    lacking = min(_lacking(words, *one) for one in near) / total
    agreement = min((vote for _, vote in first.votes), default=1.0)
    return Signs(lacking, agreement, float(quantity), math.log(len(words)))


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the question: ``question[start:end]``, its terms, and what it counts."""

    start: int
    end: int
    terms: frozenset[str]
    weight: float


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
        yield _Word(at, ends[at], frozenset(own), rare * (0.1 + max(map(weight, own))))


def _lacking(words: Sequence[_Word], said: Statement, matches: Matches) -> float:
    """The weight of the two words that are missed most near a sentence."""
    chunk, window = said.passage.chunk, said.passage.chunk.window
    start, end = max(0, said.start - _BEFORE), said.end + _AFTER
    around = (chunk.reading.title, *window.section, chunk.context, said.text)
    found = {*terms(window.text[start:end]), *terms(" ".join(around))}
    likeness = matches.best(start, end)
    missed = [
        word.weight * _unlike(likeness[(matches.asked >= word.start) & (matches.asked < word.end)])
        for word in words
        if not word.terms & found
    ]
    return sum(sorted(missed)[-2:])


def _unlike(likeness: np.ndarray) -> float:
    """How little a word's pieces are like any there: 1 for nothing alike, 0 for the same word."""
    alike = float(likeness.mean()) if len(likeness) else 0.0
    return 1.0 - min(max((alike - _UNLIKE) / (_ALIKE - _UNLIKE), 0.0), 1.0)
