"""What the readings abbreviate, so that a question with one form finds the other too.

The pairs are found as Schwartz and Hearst, A Simple Algorithm for Identifying Abbreviation
Definitions in Biomedical Text (2003), find them: a short form in brackets, whose letters stand in
order in the words before it.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from pathlib import Path

import numpy as np

from rag.errors import IndexFailure
from rag.protocols import Rows
from rag.terms import located_terms, rarity, terms

_FILE = "abbreviations.json"
_BRACKETED = re.compile(
    r"\(([A-Z0-9][A-Za-z0-9-]{1,9})\)|\b([A-Z][A-Za-z0-9-]{1,9}) \(([^()]{8,80})\)"
)
_NO_NAME = re.compile(r"\d|[^\w\s,’'–-]|[^\S ]")
"""What stands in no long form: digits, brackets, quotes, ends of lines."""

_WORD = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")
_NO_WORD = 0.9
"""Rarity from which a word in small letters may be an abbreviation: "grpo", but not "rest"."""


_OFTENER = 2
"""How many times as often the other form must stand in the index as the one that was asked.

A form that the readings use finds them by itself; the other one beside it only counts its words
twice, and among many readings it may be the long form of another thing.
"""


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """(short form, long form) of each definition: "Word Order Test (WOT)" or the other way round.

    A plural's s is taken from the short form.
    """
    for match in _BRACKETED.finditer(text):
        short = re.sub(r"(?<=[A-Z])s$", "", match[1] or match[2])
        if sum(map(str.isupper, short)) < 2:
            continue
        before = text[max(match.start() - 120, 0) : match.start()] if match[1] else match[3]
        long = _long_form(short, re.split(r"[.:;?!>|()\n]\s", before)[-1].rstrip())
        if long and (match[1] or long == before.strip()):
            yield short, long


def write(texts: Iterable[str], folder: Path) -> None:
    """Write each short form that the texts define, with the long form most of them give it."""
    found: defaultdict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    spelled: dict[tuple[str, ...], str] = {}
    for text in texts:
        for short, long in set(definitions(text)):
            key = tuple(terms(long))
            found[short][key] += 1
            spelled.setdefault(key, long)
    pairs = {short: spelled[max(counts, key=counts.__getitem__)] for short, counts in found.items()}
    text = json.dumps(pairs, ensure_ascii=False, indent=0, sort_keys=True)
    (folder / _FILE).write_text(text, "utf-8")


class Abbreviations:
    """Short forms with their long ones; threads may share it."""

    def __init__(self, pairs: Mapping[str, str], rows_with: Callable[[str], Rows]) -> None:
        """``pairs`` are long forms by their short ones; ``rows_with`` a term, ascending."""
        self._rows_with = rows_with
        self._long = {short.casefold(): (short, long) for short, long in pairs.items()}
        self._short: defaultdict[str, list[tuple[list[str], str]]] = defaultdict(list)
        for short, long in pairs.items():
            if len(key := terms(long)) > 1:
                self._short[key[0]].append((key, short))

    @classmethod
    def open(cls, folder: Path, rows_with: Callable[[str], Rows]) -> Abbreviations:
        """What ``write`` left in ``folder``. Raises IndexFailure if it is damaged."""
        try:
            return cls(json.loads((folder / _FILE).read_text("utf-8")), rows_with)
        except (OSError, ValueError, AttributeError) as error:
            raise IndexFailure(
                f"The abbreviations in {folder} are damaged ({error}). Run `python -m rag.index`."
            ) from error

    def completed(self, question: str) -> str:
        """The question with the other form in brackets behind each form that stands alone.

        Only where the readings use the other one far more.
        """
        added = [*self._long_forms(question), *self._short_forms(question)]
        for end, other in sorted(added, reverse=True):
            if other.casefold() not in question.casefold():
                question = f"{question[:end]} ({other}){question[end:]}"
        return question

    def _long_forms(self, question: str) -> Iterator[tuple[int, str]]:
        for match in _WORD.finditer(question):
            word = match.group()
            for form in dict.fromkeys((word, word.removesuffix("s"))):
                short, long = self._long.get(form.casefold(), ("", ""))
                abbreviates = short and (form == short or rarity(word) >= _NO_WORD)
                if abbreviates and self._rather(long, form):
                    yield match.end(), long

    def _short_forms(self, question: str) -> Iterator[tuple[int, str]]:
        found = [located for located in located_terms(question) if ":" not in located[0]]
        asked = [term for term, _, _ in found]
        for at, term in enumerate(asked):
            for key, short in self._short.get(term, ()):
                end = found[at + len(key) - 1][2] if asked[at : at + len(key)] == key else 0
                if end and self._rather(short, question[found[at][1] : end]):
                    yield end, short

    def _rather(self, other: str, form: str) -> bool:
        """Whether the readings rather use the other form."""
        return self._frequency(other) >= _OFTENER * self._frequency(form)

    def _frequency(self, form: str) -> int:
        """The rows that have all words of a form."""
        rows = [self._rows_with(term) for term in terms(form)]
        return len(reduce(np.intersect1d, rows)) if rows else 0


def _long_form(short: str, before: str) -> str:
    """The end of ``before`` whose words have the letters of ``short``, its first at a word's start.

    Empty where there is none of at least two words, and at most as many as the paper allows.
    """
    letters = [letter for letter in short.casefold() if letter.isalnum()]
    text, at = before.casefold(), len(before)
    for letter in reversed(letters[1:]):
        at = text.rfind(letter, 0, at)
        if at < 0:
            return ""
    starts = [
        m.start() for m in re.finditer(rf"(?<!\w){re.escape(letters[0])}", text[: max(at, 0)])
    ]
    long = before[starts[-1] :] if starts else ""
    if _NO_NAME.search(long):
        return ""
    count = len(re.findall(r"\w+", long))
    return long if 2 <= count <= min(len(letters) + 5, 2 * len(letters)) else ""
