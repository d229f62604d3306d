"""What a reading is called: "Lu et al.'s survey", its id, its title, "the first survey".

Only names that leave no doubt about what they mean count; one that fits several readings ("the
survey", of three) means all of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rag.terms import located_terms, rarity, terms
from rag.types import Reading

_KINDS = ("survey", "model paper", "paper", "report", "benchmark")
_KIND = "|".join(_KINDS)
_CALLED = re.compile(rf"\b(?:the|this|that|in) ((?:[\w-]+ ){{0,6}}?)({_KIND})\b", re.I)
_ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_ANY_KIND = ("paper", "report")
_BY = re.compile(
    rf"([^\W\d_][\w'’-]+?)(?: et al\b\.?(?:['’]s)?| and colleagues|['’]s? (?:{_KIND})\b)", re.I
)
_OTHER = re.compile(
    rf"\b(?:the )?other (?:([\w-]+) )??((?:{_KIND}|reading|publication|article|text|authors))\b",
    re.I,
)
_STEM = 4
"""Letters from which the beginning of a word stands for it: "math", "config"."""

_NAME_LIKE = 0.9
"""Rarity from which a title's first word is a name: "TheoremQA", but not "Language"."""


@dataclass(frozen=True, slots=True)
class Called:
    """A reading, the course's word for what it is (or ""), and the nicknames the course gives."""

    reading: Reading
    genre: str = ""
    nicknames: tuple[str, ...] = ()

    def is_a(self, kind: str) -> bool:
        """Whether it may be called a survey, a model paper, a paper …"""
        return kind in _ANY_KIND or kind == self.genre or kind in self.reading.title.casefold()


@dataclass(frozen=True, slots=True)
class Other:
    """Where a question says "the other survey", and the readings that may be called so."""

    span: tuple[int, int]
    readings: tuple[Reading, ...]


class Names:
    """The readings of an index by what they are called; threads may share it."""

    def __init__(self, readings: Sequence[Called]) -> None:
        """``readings`` in the course's order, by which "the second" counts."""
        self._readings = tuple(readings)
        self._titles = [frozenset(terms(one.reading.title)) for one in readings]
        self._names = {name: one.reading.reading_id for one in readings for name in _own_names(one)}
        spelled = sorted(map(re.escape, self._names), key=len, reverse=True)
        self._spelled = re.compile(rf"(?<!\w)(?:{'|'.join(spelled)})(?![\w-])") if spelled else None
        self._openings: dict[str, set[str]] = {}
        for one in readings:
            for term in terms(one.reading.title)[:1]:
                self._openings.setdefault(term, set()).add(one.reading.reading_id)
        self._spelled_as_typed = self._spelled and re.compile(self._spelled.pattern, re.I)
        self._authors = _by_surname(readings)

    def of(self, question: str) -> frozenset[str]:
        """The ids of the readings that a question names."""
        plain = _plain(question)
        found = (
            {self._names[name] for name in self._spelled.findall(plain)} if self._spelled else set()
        )
        for match in _BY.finditer(plain):
            found.update(self._authors.get(match[1], ()))
        for match in _CALLED.finditer(plain):
            found.update(self._called(match[1].split(), match[2]))
        return frozenset(found)

    def other(self, question: str) -> Other | None:
        """What a question that asks for another reading may mean, before any is ruled out."""
        match = _OTHER.search(question)
        if match is None:
            return None
        kind, asked = match[2].casefold(), terms(match[1] or "")
        found = tuple(
            one.reading
            for one, title in zip(self._readings, self._titles, strict=True)
            if (kind not in _KINDS or one.is_a(kind))
            and all(_stands_in(term, title) for term in asked)
        )
        return Other(match.span(), found)

    def hinted_words(self, text: str) -> frozenset[str]:
        """The terms of a text that are rare in English and begin a title: "DeepSeek"."""
        return frozenset(
            term
            for term, start, end in located_terms(text)
            if term in self._openings and rarity(text[start:end].casefold()) >= _NAME_LIKE
        )

    def hinted(self, text: str) -> frozenset[str]:
        """The ids of the readings that a text names, or whose titles begin with a rare word of it."""
        hinted = [self._openings[word] for word in self.hinted_words(text)]
        return self.of(text).union(*hinted)

    def unnamed(self, question: str) -> str:
        """The question without the words that name a reading."""
        for pattern in filter(None, (self._spelled_as_typed, _CALLED, _BY)):
            question = re.sub(
                rf"(?:\b(?:of|by|in|from|according to) )?(?:{pattern.pattern})",
                " ",
                question,
                flags=re.I,
            )
        titled = self.hinted_words(question)
        kept = [word for word in question.split() if not titled & set(terms(word))]
        return " ".join(kept)

    def _called(self, words: Sequence[str], kind: str) -> Iterable[str]:
        """The readings meant by "the <words> survey"."""
        of_kind = [one.is_a(kind) for one in self._readings]
        if len(words) == 1 and words[0] in _ORDINALS:
            numbered = [one for one, fits in zip(self._readings, of_kind, strict=True) if fits]
            at = _ORDINALS[words[0]]
            return [numbered[at].reading.reading_id] if -len(numbered) <= at < len(numbered) else []
        asked = terms(" ".join(words))
        if not asked and kind in _ANY_KIND:
            return []
        return [
            one.reading.reading_id
            for one, title, fits in zip(self._readings, self._titles, of_kind, strict=True)
            if fits and all(_stands_in(term, title) for term in asked)
        ]


def _own_names(one: Called) -> Iterable[str]:
    """What nothing else is called, in small letters."""
    reading = one.reading
    yield _plain(reading.title)
    yield from (_plain(name) for name in one.nicknames)
    first = _plain(reading.title.split(":")[0])
    for name in (_plain(reading.reading_id), first):
        if " " not in name and (rarity(name) >= _NAME_LIKE or "-" in name):
            yield name


def _by_surname(readings: Iterable[Called]) -> Mapping[str, set[str]]:
    """The readings of each first author."""
    found: dict[str, set[str]] = {}
    for one in readings:
        for author in one.reading.authors[:1]:
            found.setdefault(_plain(author).split()[-1], set()).add(one.reading.reading_id)
    return found


def _stands_in(term: str, title: Iterable[str]) -> bool:
    """Whether a title has the term or one that either is the start of: "math", "mathematical"."""
    return any(
        term == word or (min(len(term), len(word)) >= _STEM and _one_starts_other(term, word))
        for word in title
    )


def _one_starts_other(left: str, right: str) -> bool:
    return left.startswith(right) or right.startswith(left)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
