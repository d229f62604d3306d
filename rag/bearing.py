"""Whether passages bear a sentence out, and which of their words do.

A sentence is compared with each sentence and table row of the passages; the likeliest are compared
closely, by what they assert, and by a small model of entailment (rag/entailment.py). The verdict is a
logistic regression on that comparison: its weights (rag/bearing.json) and the script that made them
(tests/benchmarks/bearing.py) are in the project.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag import assertions
from rag.assertions import Assertion, Number
from rag.embedded import Words
from rag.entailment import Entailment
from rag.evidence import LONGEST_UNIT, Unit, evidence
from rag.protocols import Embedder
from rag.quotation import quoted, stated
from rag.terms import TermWeight
from rag.types import Passage, Verdict, VerdictStatus

LONGEST_SENTENCE = 2000
"""Characters; what is longer is a text, and is not called supported unread."""

PASSAGES = 8
"""In how many passages a sentence from elsewhere is looked for."""

FEATURES = (
    "cover", "cover near", "cover passage", "content", "content passage", "cosine",
    "late", "late low", "late back",
    "numbers missing", "numbers missing near", "numbers missing everywhere", "numbers",
    "other numbers",
    "names missing", "names missing near", "names missing everywhere", "denial",
    "direction against", "direction along", "comparison", "turned", "opposed", "totals", "hedged",
    "table", "rank",
    "late low together", "lead", "content best", "claim hedges", "claim totals", "all numbers",
    "entailed", "contradicted", "neutral",
    "entailed where least neutral", "contradicted where least neutral", "least neutral",
)  # fmt: skip
"""What is compared, in the order of the weights."""

_WORD = re.compile(r"[^\W_]+")
_WEIGHTS = Path(__file__).with_name("bearing.json")
_REMEMBERED = 1024  # units, of some 6 kB each
_CLOSE = 12  # units that are compared by meaning, the best by shared words
_BEST = 6  # of these, that may bear a claim out together
_JUDGED = 3  # of these, that the model of entailment reads
_NUMBERS = 0.5  # what it costs a unit to have none of the claim's numbers
_OFTEN, _MOST = 3, 0.6  # passages, and the share of a reading's, that make a word its topic
_SAME = 0.7  # the share of terms that a near copy has in common with its original
_TURNED = 0.3  # of the pairs of the same words: others stand before what they stood behind
_NEAR = 0.5  # what a term counts that stands around a unit and not in it


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic regression: standardised features times ``weights`` (features x statuses)."""

    statuses: tuple[VerdictStatus, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    @classmethod
    def load(cls) -> Model:
        """The weights that come with the project. Raises ValueError if they fit other features."""
        kept = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
        if tuple(kept["features"]) != FEATURES:
            raise ValueError(f"{_WEIGHTS.name} was made for other features: make it anew.")
        arrays = (np.array(kept[name]) for name in ("mean", "scale", "weights", "bias"))
        return cls(tuple(kept["statuses"]), *arrays)

    def status(self, features: NDArray[np.float64]) -> VerdictStatus:
        """The likeliest."""
        odds = (features - self.mean) / self.scale @ self.weights + self.bias
        return self.statuses[int(odds.argmax())]


class Comparer:
    """Finds what bears on a sentence and compares the two; threads may share it."""

    def __init__(self, embedder: Embedder, weight: TermWeight, entailment: Entailment) -> None:
        """``weight`` tells how rare a term is in the readings, 0 … 1."""
        self._embedder = embedder
        self._weight = weight
        self._entailment = entailment
        # The sentences of an answer are checked against the same passages, one after the other.
        self._seen = lru_cache(maxsize=_REMEMBERED)(lambda text: embedder.embed_documents([text]))

    def nearest(
        self, sentence: str, units: Sequence[Unit]
    ) -> tuple[Unit, NDArray[np.float64]] | None:
        """The unit that bears on the sentence best, with its features; None where no term is shared."""
        claim = Assertion.read(sentence, self._weight)
        shared = [_cover(claim, unit) for unit in units]
        # Every unit is compared by its terms, the best few by what they mean: that takes a model.
        order = sorted(range(len(units)), key=lambda at: -shared[at])[:_CLOSE]
        close = [units[at] for at in order if shared[at] > 0]
        if not close or not claim.weights:
            return None
        likeness, matches = self._likeness(sentence, close)
        worth = np.array([_worth(claim, unit) for unit in close]) + likeness[:, :2].sum(axis=1)
        order = np.argsort(-worth, kind="stable")[:_BEST].tolist()
        best = [close[at] for at in order]
        features = [
            *_alone(claim, best[0], units, likeness[order[0]], self._weight),
            _weakest(matches[order].max(axis=0)),
            worth[order[0]] - worth[order[1]] if len(order) > 1 else 0.0,
            *_together(claim, best, units),
            *self._entailed(sentence, best[:_JUDGED]),
        ]
        return best[0], np.array(features, np.float64)

    def _entailed(self, sentence: str, units: Sequence[Unit]) -> list[float]:
        """How the first unit is judged, and how the one that has most to do with the sentence."""
        judged = self._entailment.judge(sentence, [unit.text for unit in units])
        return [*judged[0], *judged[judged[:, -1].argmin()]]

    def _likeness(
        self, sentence: str, units: Sequence[Unit]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Of each unit cosine, late interaction, its weakest quarter, the same from the unit's side,
        shape (units, 4); and how well each word is matched, shape (units, words).

        What the title of its reading says a unit need not repeat.
        """
        asked = self._embedder.embed_query(sentence)
        rows, matches = [], []
        for unit in units:
            found = self._seen(unit.text)
            match, back = matched(asked.words, found.words, self._title(unit))
            cosine = float(found.vectors[0] @ asked.vectors[0])
            rows.append((cosine, match.mean(), _weakest(match), back))
            matches.append(match)
        return np.array(rows, np.float64), np.array(matches)

    def _title(self, unit: Unit) -> Words:
        return self._embedder.embed_query(unit.passage.chunk.reading.title[:LONGEST_UNIT]).words


class Checker:
    """Tells whether passages bear a sentence out; threads may share it."""

    def __init__(self, embedder: Embedder, weight: TermWeight) -> None:
        """``weight`` tells how rare a term is in the readings, 0 … 1. Reads the model's weights."""
        self._comparer = Comparer(embedder, weight, Entailment())
        self._weight = weight
        self._model = Model.load()

    def check(self, sentence: str, passages: Sequence[Passage]) -> Verdict:
        """The verdict over these passages, best first; a sentence without words is in none."""
        if len(sentence) > LONGEST_SENTENCE:
            return Verdict("unsupported", None, 0, 0)
        units = list(evidence(passages))
        if stands := quoted(sentence, units) or stated(sentence, units):
            return stands
        nearest = self._comparer.nearest(sentence, units)
        if nearest is None:
            return Verdict("not_in_readings", None, 0, 0)
        unit, features = nearest
        status = self._model.status(features)
        if differs(Assertion.read(sentence, self._weight), Assertion.read(unit.text, self._weight)):
            status = "unsupported"
        if status == "not_in_readings":
            return Verdict(status, None, 0, 0)
        return Verdict(status, unit.passage, unit.start, unit.end)


def differs(claim: Assertion, unit: Assertion) -> bool:
    """Whether the claim has a sentence's words but for what makes it say something else.

    That is a number, a name, a denial, a direction, a total, or who did it to whom.
    """
    shared, other = claim.weights.keys() & unit.weights.keys(), unit.weights.keys() - claim.weights
    if len(shared) < _SAME * max(len(claim.weights), len(unit.weights)):
        return False
    lost = _missing(claim.numbers, unit.numbers)
    return bool(
        (lost and unit.numbers)
        or (claim.names - unit.names and unit.names - claim.names)
        or (assertions.denials(claim) - assertions.denials(unit)) % 2
        or assertions.direction(claim) * assertions.direction(unit) < 0
        or assertions.opposed(claim, unit)
        or (assertions.totals(claim) and not assertions.totals(unit))
        or (
            not other
            and len(shared) == len(claim.weights)
            and assertions.turned(claim, unit) > _TURNED
        )
    )


def _share(claim: Assertion, found: Set[str]) -> float:
    """The part of the claim's weight that these terms make up."""
    total = sum(claim.weights.values())
    return sum(w for term, w in claim.weights.items() if term in found) / total if total else 0.0


def _cover(claim: Assertion, unit: Unit) -> float:
    """How much of the claim stands in the unit, what stands around it counting less."""
    here = _share(claim, unit.terms)
    both = _share(claim, unit.near)
    return here + _NEAR * (both - here) if here else 0.0


def _worth(claim: Assertion, unit: Unit) -> float:
    """How much of the claim stands in the unit, its numbers counting on top."""
    found = _numbers(unit.text)
    lost = _missing(claim.numbers, found) / max(len(claim.numbers), 1)
    return _cover(claim, unit) - _NUMBERS * lost


def matched(sentence: Words, unit: Words, title: Words) -> tuple[NDArray[np.float32], float]:
    """How well the unit or the title matches each word of the sentence, and, as a mean, the sentence
    each word of the unit. A sentence without words counts as one that nothing matches.
    """
    if not len(sentence) or not len(unit):
        return np.zeros(max(len(sentence), 1), np.float32), 0.0
    pairs = sentence.astype(np.float32) @ unit.astype(np.float32).T / 127**2
    known = sentence.astype(np.float32) @ title.astype(np.float32).T / 127**2
    return np.concatenate([pairs, known], axis=1).max(axis=1), float(pairs.max(axis=0).mean())


def _weakest(match: NDArray[np.float32]) -> float:
    """The mean of the quarter of the words that are matched worst."""
    return float(np.sort(match)[: max(len(match) // 4, 1)].mean())


def _together(claim: Assertion, best: Sequence[Unit], units: Sequence[Unit]) -> list[float]:
    """What the best units say between them, and what the claim says of itself."""
    content = _without(claim, _topic(best[0], units))
    said = _numbers(best[0].text)
    return [
        max(_share(content, unit.terms) for unit in best),
        min(assertions.hedges(claim), 2),
        min(len(assertions.totals(claim)), 2),
        bool(claim.numbers) and not _missing(claim.numbers, said),
    ]


def _alone(
    claim: Assertion,
    unit: Unit,
    units: Sequence[Unit],
    likeness: NDArray[np.float64],
    weight: TermWeight,
) -> list[float]:
    """What tells whether the unit bears the claim out, in the order of FEATURES."""
    said, around = Assertion.read(unit.text, weight), Assertion.read(unit.around, weight)
    window = unit.near.union(*(u.terms for u in units if u.passage is unit.passage))
    texts = [other.text for other in units]
    everywhere = [number for text in texts for number in _numbers(text)]
    topic = _topic(unit, units)
    mine = _compacts(unit.text)
    near = mine | _compacts(unit.around)
    own = frozenset(name for name in claim.names if name not in topic)
    towards, there = assertions.direction(claim), assertions.direction(said)
    turned = assertions.turned(claim, said)
    denied = (assertions.denials(claim) - assertions.denials(said)) % 2
    content = _without(claim, topic)
    return [
        _share(claim, unit.terms),
        _share(claim, unit.near),
        _share(claim, window),
        _share(content, unit.terms),
        _share(content, window),
        *likeness,
        _missing(claim.numbers, said.numbers),
        _missing(claim.numbers, (*said.numbers, *around.numbers)),
        _missing(claim.numbers, everywhere),
        bool(claim.numbers),
        bool(said.numbers) * _missing(claim.numbers, said.numbers),
        _absent(own, mine),
        _absent(own, near),
        _absent(claim.names, {n for t in texts for n in _compacts(t)}),
        denied * _share(content, unit.terms),
        towards * there < 0,
        towards * there > 0,
        bool(towards and there) * towards * there * (1 - 2 * turned),
        turned,
        min(assertions.opposed(claim, said), 2),
        min(len(assertions.totals(claim) - assertions.totals(said)), 2),
        min(max(assertions.hedges(said) - assertions.hedges(claim), 0), 2),
        unit.passage.chunk.window.kind == "table",
        unit.passage.rank,
    ]


def _without(claim: Assertion, topic: Set[str]) -> Assertion:
    """What the claim says of its topic."""
    return replace(claim, weights={t: w for t, w in claim.weights.items() if t not in topic})


def _topic(unit: Unit, units: Sequence[Unit]) -> frozenset[str]:
    """The words that a reading need not say again: its title's, and those of most of its passages."""
    reading = unit.passage.chunk.reading
    texts = {
        other.passage.chunk.window.text
        for other in units
        if other.passage.chunk.reading.reading_id == reading.reading_id
    }
    counts = Counter(word for text in texts for word in _compacts(text))
    often = {word for word, n in counts.items() if n >= max(_OFTEN, _MOST * len(texts))}
    return _compacts(reading.title).union(often)


@lru_cache(maxsize=4096)
def _numbers(text: str) -> tuple[Number, ...]:
    return tuple(assertions.numbers(text))


@lru_cache(maxsize=4096)
def _compacts(text: str) -> frozenset[str]:
    """The text's words, and those next to each other as one, as names are compared."""
    words = [assertions.compact(word) for word in _WORD.findall(text)]
    return frozenset((*words, *(a + b for a, b in pairwise(words))))


def _missing(claimed: Sequence[Number], there: Sequence[Number]) -> float:
    """How many of the claimed numbers are not there, those in words counting half; at most 2."""
    lost = [n for n in claimed if not any(assertions.agrees(n, other) for other in there)]
    return min(sum(0.5 if number.spelt else 1.0 for number in lost), 2.0)


def _absent(names: Set[str], there: Set[str]) -> float:
    """The share of the names that are not there."""
    return len(names - there) / len(names) if names else 0.0
