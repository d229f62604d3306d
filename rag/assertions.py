"""What a sentence asserts beyond its topic: its numbers, names, direction, denials and totals.

Two sentences about the same thing share most of their words whether they agree or not. What tells
them apart is small and can be listed: another number, another name, "not", "more" for "less".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Set
from dataclasses import dataclass

from rag.terms import TermWeight, located_terms, rarity

_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9,
    "bn": 1e9, "t": 1e12, "trillion": 1e12,
}  # fmt: skip
_NUMBER_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "hundred": 100, "thousand": 1000, "twice": 2, "double": 2, "doubles": 2, "doubled": 2,
    "triple": 3, "dozen": 12, "half": 0.5, "third": 1 / 3, "quarter": 0.25, "tenth": 0.1,
    "both": 2,
}  # fmt: skip
_NUMBER = re.compile(
    r"(?<![\w.@])(?<![A-Za-z]-)(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s?(?P<percent>%|percent\b|per\scent\b)"
    r"|(?P<scale>[kKMBT]|bn)(?![\w])|\s(?P<word>thousand|million|billion|trillion)\b)?",
    re.I,
)
_CITED = re.compile(r"\[\d+(?:[,\s–-]+\d+)*\]|\((?:[^()]*?\b(?:19|20)\d\d[a-z]?\b[;,]?\s?)+\)")
_WORD = re.compile(r"[^\W_]+(?:['’][a-z]+)?", re.I)
_NAME = re.compile(r"[A-Za-z0-9]+(?:[-@.+/][A-Za-z0-9]+)*")
_ROUGH = re.compile(r"\b(?:about|around|roughly|nearly|almost|approximately|some|over|~)\W*$", re.I)

_NOT = frozenset(
    """
    not no never neither nor none without cannot nothing nobody unlike lack lacks lacking fail fails
    failed unable hardly seldom rarely scarcely isn't aren't wasn't weren't don't doesn't didn't can't
    couldn't won't wouldn't haven't hasn't instead refuse absence absent except
    """.split()  # noqa: SIM905 - a list of quoted words would fill a page
)
_TOTAL = frozenset(
    """
    all every each always entirely completely fully whole only solely merely exclusively just
    never none first best unbeatable prove proves proved proven settled solved guarantee
    guarantees confirm confirms definitively must impossible everything everyone perfectly perfect
    """.split()  # noqa: SIM905
)
_HEDGE = frozenset(
    """
    may might could can some often usually sometimes generally suggest suggests mostly partly many
    potential potentially likely possibly largely most relatively remains open inconsistent slight
    """.split()  # noqa: SIM905
)
_UP = frozenset(
    """
    more higher larger greater better bigger longer faster stronger above over increase increases
    increased increasing rise rises rose raise raises raised grow grows improve improves improved
    improvement improving gain gains outperform outperforms outperformed outperforming beat beats
    surpass surpasses surpassed exceed exceeds exceeded exceeding ahead superior overtakes overtake
    climb climbs climbed boost boosts boosted benefit benefits beneficial highest best largest most
    lift lifts advantage majority enhance enhances enhanced
    """.split()  # noqa: SIM905
)
_DOWN = frozenset(
    """
    less lower smaller fewer worse shorter slower weaker below under decrease decreases decreased
    decreasing fall falls fell drop drops dropped reduce reduces reduced reduction decline declines
    lose loses lost loss hurt hurts harm harms inferior behind trail trails lag lags degrade
    degrades degradation underperform underperforms lowest worst smallest least cut cuts minority
    """.split()  # noqa: SIM905
)
_OPPOSITES = tuple(
    (frozenset(left.split()), frozenset(right.split()))
    for left, right in (
        ("before beforehand prior", "after afterwards then"),
        ("include includes included including part contain contains", "exclude excludes excluded"),
        ("same identical equivalent equal", "different differ differs distinct unequal"),
        ("easy easily easier simple", "hard harder difficult struggle struggles challenging"),
        ("only solely exclusively", "also beyond besides additionally"),
        ("all every each", "some few several most many part"),
        ("either any", "both all"),
        ("high highest", "low lowest"),
        ("long longer", "short shorter"),
        ("add adds added adding", "remove removes removed removing without drop"),
        ("supervised labeled labelled", "unsupervised unlabeled unlabelled"),
        ("manual manually hand human", "automatic automatically automated"),
        ("open public publicly released", "closed proprietary private"),
        ("recall", "precision"),
        ("online", "offline"),
        ("static", "dynamic"),
        ("first", "last final second"),
        ("always", "sometimes rarely never"),
        ("stable", "unstable"),
        ("possible able", "impossible unable"),
        ("important crucial essential", "unimportant negligible minor slight"),
        ("rare rarely seldom", "common commonly often frequent frequently"),
        ("start starts begin", "end ends finish"),
        ("early earlier earliest sooner", "late later latest"),
        ("solved settled", "open unsolved unclear challenge"),
    )
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a sentence. ``rough`` if the sentence says "about"; percents keep their number."""

    value: float
    percent: bool
    rough: bool
    spelt: bool
    start: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """A sentence taken apart.

    ``weights`` of its terms are not normalised. ``names`` are compact and lower case. ``words`` are
    its words in order, lower case.
    """

    weights: dict[str, float]
    order: tuple[str, ...]
    numbers: tuple[Number, ...]
    names: frozenset[str]
    words: tuple[str, ...]

    @classmethod
    def read(cls, sentence: str, weight: TermWeight) -> Assertion:
        """Take a sentence apart; ``weight`` tells how rare a term is in the readings."""
        sentence = unicodedata.normalize("NFKC", sentence).replace("\u2212", "-")
        weights: dict[str, float] = {}
        order: list[str] = []
        for term, start, end in located_terms(sentence):
            rare = rarity(sentence[start:end]) * (0.1 + weight(term))
            weights[term] = max(weights.get(term, 0.0), rare)
            order.append(term)
        return cls(
            weights,
            tuple(order),
            tuple(numbers(sentence)),
            frozenset(_names(sentence)),
            tuple(word.casefold().replace("’", "'") for word in _WORD.findall(sentence)),
        )

    def has(self, words: Set[str]) -> int:
        """How many of the sentence's words are among these."""
        return sum(word in words for word in self.words)


def uncited(sentence: str) -> str:
    """The sentence with blanks for the citations of works in brackets."""
    return _CITED.sub(lambda m: " " * len(m.group()), sentence)


def numbers(sentence: str) -> list[Number]:
    """The numbers of a sentence in order, in digits and in words; citations are none.

    ``40k`` is 40,000, ``8.5 million`` 8,500,000. "One" is a pronoun as often as a number.
    """
    bare = uncited(sentence)
    found = [_in_digits(bare, match) for match in _NUMBER.finditer(bare)]
    for match in _WORD.finditer(bare):
        value = _NUMBER_WORDS.get(match.group().casefold())
        taken = any(one.start <= match.start() <= one.start + 24 for one in found if not one.spelt)
        if value is not None and not (taken and match.group().casefold() == "thousand"):
            found.append(Number(value, False, False, True, match.start()))
    return sorted(found, key=lambda one: one.start)


def _in_digits(text: str, match: re.Match[str]) -> Number:
    value = float(match["digits"].replace(",", ""))
    value *= _SCALES.get((match["scale"] or match["word"] or "").casefold(), 1.0)
    rough = bool(_ROUGH.search(text[max(match.start() - 20, 0) : match.start()]))
    return Number(value, bool(match["percent"]), rough, False, match.start())


def agrees(said: Number, there: Number) -> bool:
    """Whether a number of the page is the one that was said, rounded as it was said."""
    pairs = [(said.value, there.value)]
    if said.percent != there.percent:
        pairs += [(said.value, there.value * 100), (said.value * 100, there.value)]
    slack = 0.05 if said.rough else 1e-6
    return any(abs(left - right) <= slack * max(abs(left), abs(right)) for left, right in pairs)


def _names(sentence: str) -> Iterable[str]:
    """Words written as names: a capital inside the sentence, or capitals or digits in a word."""
    for at, match in enumerate(_NAME.finditer(sentence)):
        word = match.group()
        inner = any(map(str.isupper, word[1:])) or (
            any(map(str.isdigit, word)) and any(map(str.isalpha, word))
        )
        if re.fullmatch(r"[\d.,]+(?:k|[KMBT]|-\w+|%)?", word) or len(word) < 2:
            continue
        if inner or (at and word[0].isupper()) or (word[0].isupper() and rarity(word) >= 1):
            yield compact(word)


def compact(word: str) -> str:
    """A name without what it is spelt with now and then: case, hyphens, a plural or genitive."""
    return re.sub(r"[^a-z0-9]", "", word.casefold())


def direction(one: Assertion) -> int:
    """1 if the sentence says more or better, -1 if it says less or worse, 0 if neither or both."""
    up, down = one.has(_UP), one.has(_DOWN)
    return (up > down) - (down > up)


def denials(one: Assertion) -> int:
    """How often the sentence denies."""
    return one.has(_NOT)


def totals(one: Assertion) -> frozenset[str]:
    """The sentence's words that leave no exception."""
    return frozenset(one.words) & _TOTAL


def hedges(one: Assertion) -> int:
    """How many of the sentence's words leave room."""
    return one.has(_HEDGE)


def opposed(left: Assertion, right: Assertion) -> int:
    """How many opposites stand between the sentences: one in the one, the other in the other."""
    a, b = set(left.words), set(right.words)
    return sum(
        _only(a, b, these, those) or _only(a, b, those, these) for these, those in _OPPOSITES
    )


def _only(a: Set[str], b: Set[str], these: Set[str], those: Set[str]) -> bool:
    return bool(a & these and b & those and not a & those and not b & these)


def turned(left: Assertion, right: Assertion) -> float:
    """The share of pairs of shared rare terms that stand the other way round, 0 … 1."""
    shared = [term for term in dict.fromkeys(left.order) if term in right.weights]
    places = {term: at for at, term in reversed(list(enumerate(right.order)))}
    pairs = [
        (left.weights[a] * left.weights[b], places[a] > places[b])
        for at, a in enumerate(shared)
        for b in shared[at + 1 :]
    ]
    total = sum(weight for weight, _ in pairs)
    return sum(weight for weight, back in pairs if back) / total if total else 0.0
