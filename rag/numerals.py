"""Numbers as they are written, and the one way they are compared: 40k, 40,000 and 40 thousand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

NUMBER = (
    r"\d{1,3}(?:[\u00a0\u202f\u2009]\d{3})+(?!\d)"
    r"|(?<![\d.,])(?<!\d )\d{1,3}(?: \d{3})+(?! ?[\d.,%|])"
    r"|\d+(?:[.,]\d+)*(?:\s?(?:thousand|million|billion|trillion|per ?cent)\b|[a-z%]*)"
)
"""A number with its unit, for a pattern that does not tell large letters from small.

Digits grouped by plain spaces are one number only where no other stands beside them: a table's row
is full of numbers that have nothing to do with each other.
"""

_GROUPS = re.compile(r"(?<=\d)[,\s](?=\d{3}(?:\D|$))")
_SIZES = {
    "thousand": 3,
    "million": 6,
    "billion": 9,
    "trillion": 12,
    "k": 3,
    "m": 6,
    "b": 9,
    "t": 12,
}
_YEAR = re.compile(r"(?:19|20)\d\d[a-z]")
_WORDS = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
WORDS = {"one": "1", **{word: str(value) for value, word in enumerate(_WORDS, 2)}}
"""Number words and their digits."""

_COUNT = re.compile(rf"(?<![\w-])(?:\d+(?:[.,]\d+)*|(?:{'|'.join(_WORDS)})\b)", re.I)
_CITED = re.compile(
    r"\[[\d,;\s–-]+\]|\([^()]*\b(?:19|20)\d\d[a-z]?\)|\b(?:19|20)\d\d[a-z]?\b(?=[;)])"
)


def counts(text: str) -> Iterator[tuple[str, int]]:
    """The numbers by which something may be counted, in digits, and where each begins.

    "One" is none, for it mostly counts nothing, nor is what belongs to a citation or a name.
    """
    for found in _COUNT.finditer(_CITED.sub(lambda cited: " " * len(cited[0]), text)):
        yield WORDS.get(found[0].lower(), found[0]), found.start()


def spellings(number: str) -> tuple[str, ...]:
    """What a number in small letters is found by: itself in digits, and without its unit.

    ``38.5b`` gives ``38500000000`` and ``38.5``, ``60 percent`` and ``60%`` give ``60``, ``2022a``
    gives itself and ``2022``.
    """
    number = _GROUPS.sub("", number)
    found = re.match(r"[\d.,]+", number)
    bare = found.group().rstrip(".,") if found else number
    unit = number[len(bare) :].strip("%., \u00a0")
    if not unit or unit.startswith("per"):
        return (bare,)
    if unit in _SIZES and "," not in bare and bare.count(".") < 2 and not _YEAR.fullmatch(number):
        value = Decimal(bare).scaleb(_SIZES[unit])
        return (f"{value:f}".removesuffix(".0"), bare)
    return (f"{bare}{unit}", bare)
