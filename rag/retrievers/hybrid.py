"""Dense and lexical search fused, and what they found compared word by word.

Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval (2023), found the sum of
min-max normalised scores ahead of rank fusion. The weights are the simplest that came within noise
of the best on 259 questions about 15 papers (README, "Why these weights"): the mean of the two
searches, and as much again for late interaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.clauses import clauses, joins, pieces
from rag.embedded import Vectors
from rag.meaning import Meaning
from rag.protocols import Library, Ranker, Rows, Scorer
from rag.scores import min_max
from rag.terms import terms
from rag.types import Passage
from rag.works import Work, asked_works, asks_for_references

_DEPTH = 100
"""Rows asked of each ranker: beyond them a row has no say in the first tens of the fusion."""

_READ_AGAIN = 40
"""Rows of the fusion that are compared word by word."""

_MOST_READINGS = 3
"""Readings that get a turn of their own in the passages for one question."""

_FIRST = 20
"""Characters of an entry in which its first author's name begins."""

_REMEMBERED = 1024
"""Chunks that are kept in memory."""

_NAMED = 0.4
"""What a reading that the question names adds to its rows' scores, which go from 0 to 2."""


def load(index: Library, rankers: Sequence[Ranker], scorer: Scorer, meaning: Meaning) -> Hybrid:
    """The retriever over an index, its rankers and its words."""
    return Hybrid(index, rankers, (scorer,), meaning)


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows best first, with the sum of their votes and each vote: shapes (n,), (n,), (n, votes)."""

    rows: Rows
    scores: Vectors
    votes: Vectors

    def raised(self, bonus: NDArray[np.floating[Any]]) -> _Found:
        """The same rows in the order of their scores with a bonus each, shape (n,)."""
        return _ordered(self.rows, (self.scores + bonus).astype(np.float32), self.votes)


class Hybrid:
    """Several rankers and scorers over one index; threads may share it."""

    name = "hybrid"

    def __init__(
        self,
        index: Library,
        rankers: Sequence[Ranker],
        scorers: Sequence[Scorer],
        meaning: Meaning,
    ) -> None:
        self._index = index
        self._rankers = tuple(rankers)
        self._scorers = tuple(scorers)
        self._meaning = meaning
        self._mentions = meaning.mentions
        self._references = index.rows_of_kind("reference")
        self._set_aside = frozenset(self._references.tolist())
        # The same passages come again and again; each is read with its whole window.
        self._chunk = lru_cache(maxsize=_REMEMBERED)(lambda row: index.chunks([row])[0])

    def retrieve(
        self, question: str, k: int, readings: frozenset[str] | None = None
    ) -> list[Passage]:
        """The at most k best passages, best first. Raises ReadingError for an unknown reading.

        A question for several things is searched for part by part, and each part and each
        reading it speaks of gets its turn: otherwise the first passages all come from the reading
        that one part is about.
        """
        works = (self._entry(work, k, readings) for work in asked_works(question))
        searches = [
            self._search(text, question, k, scope)
            for text, scope in self._parts(question, readings)
        ]
        return self._passages(_in_turn([*filter(None, works), *searches]), k)

    def _parts(
        self, question: str, readings: frozenset[str] | None
    ) -> Iterator[tuple[str, frozenset[str] | None]]:
        """What is searched for, and in which readings."""
        named = self._mentions.of(question) if joins(question) else []
        named = [reading for reading in named if readings is None or reading in readings]
        if len(named) < 2:
            yield from ((part, readings) for part in [*clauses(question), question])
            return
        first = self._search(question, question, 1, frozenset(named)).rows[:1]
        named.sort(key=lambda reading: first not in self._index.rows_of(frozenset({reading})))
        about = [(piece, self._mentions.of(piece)) for piece in pieces(question)]
        for reading in named[:_MOST_READINGS]:
            own = " ".join(piece for piece, speaks_of in about if reading in speaks_of)
            for text in dict.fromkeys((own or question, question)):
                yield text, frozenset({reading})

    def _search(self, text: str, question: str, k: int, readings: frozenset[str] | None) -> _Found:
        """What a part of the question finds, the readings that it names ahead of their equals."""
        rows = None if readings is None else self._index.rows_of(readings)
        text = self._meaning.abbreviations.completed(text)
        found = self._found(text, k, rows, references=asks_for_references(question))
        named = self._index.rows_of(self._meaning.names.of(question))
        return found.raised(_NAMED * np.isin(found.rows, named)) if len(named) else found

    def _entry(self, work: Work, k: int, readings: frozenset[str] | None) -> _Found | None:
        """The entries of bibliographies that may be of a cited work, likeliest first, if any."""
        rows = self._references
        if readings is not None:
            rows = np.intersect1d(rows, self._index.rows_of(readings))
        words = terms(" ".join((*work.names, work.year)))
        for term in words:
            rows = np.intersect1d(rows, self._mentions.rows_with(term))
        if len(rows) == 0:
            return None
        found = self._found(" ".join((*work.names, work.year)), k, rows, references=True)
        # An entry begins with its first author: where the name stands later, it is another's.
        texts = [chunk.text.casefold() for chunk in self._index.chunks(found.rows.tolist())]
        places = np.array([text.find(work.names[0].casefold()) for text in texts])
        return found.raised(2.0 * _FIRST / (_FIRST + np.maximum(places, 0)))

    def _found(self, text: str, k: int, rows: Rows | None, *, references: bool) -> _Found:
        """What the rankers find and the scorers make of it."""
        results = [ranker.top(text, max(_DEPTH, 2 * k), rows) for ranker in self._rankers]
        if not references:
            # Reference lists name everything and say nothing: only who asks for them gets them.
            results = [self._without_references(*result) for result in results]
        found = _fused(results)
        if not self._scorers or len(found.rows) == 0:
            return found
        again = found.rows[: max(_READ_AGAIN, 2 * k)]
        return _judged(found, [scorer.scores(text, again) for scorer in self._scorers])

    def _without_references(self, rows: Rows, scores: Vectors) -> tuple[Rows, Vectors]:
        kept = np.array([row not in self._set_aside for row in rows.tolist()], np.bool_)
        return rows[kept], scores[kept]

    def _passages(self, found: Iterable[tuple[int, float, Vectors]], k: int) -> list[Passage]:
        """The first k windows that rows of these stand in, each with its best row."""
        names = [ranker.name for ranker in self._rankers]
        names += [scorer.name for scorer in self._scorers]
        passages: dict[str, Passage] = {}
        for row, score, votes in found:
            if len(passages) == k:
                break
            chunk = self._chunk(row)
            said = tuple(zip(names, votes.tolist(), strict=True))
            passage = Passage(chunk, len(passages) + 1, score, said)
            passages.setdefault(chunk.window.window_id, passage)
        return list(passages.values())


def _in_turn(searches: Sequence[_Found]) -> Iterator[tuple[int, float, Vectors]]:
    """The first of each search, then the second of each …, no row twice."""
    lists = [
        zip(found.rows.tolist(), found.scores.tolist(), found.votes, strict=True)
        for found in searches
    ]
    seen: set[int] = set()
    for turn in zip_longest(*lists):
        for one in turn:
            if one is not None and one[0] not in seen:
                seen.add(one[0])
                yield one


def _fused(results: Sequence[tuple[Rows, Vectors]]) -> _Found:
    """The mean of each row's normalised scores; 0 from a ranker that did not name it."""
    rows = np.unique(np.concatenate([rows for rows, _ in results]))
    votes = np.zeros((len(rows), len(results)), np.float32)
    for at, (named, scores) in enumerate(results):
        votes[np.searchsorted(rows, named), at] = min_max(scores)
    return _ordered(rows, votes.mean(axis=1), votes)


def _judged(found: _Found, judgements: Sequence[Vectors]) -> _Found:
    """The first rows with the scorers' normalised scores added, in their new order."""
    size = len(judgements[0])
    more = np.stack([min_max(scores) for scores in judgements], axis=1)
    votes = np.concatenate([found.votes[:size], more], axis=1)
    return _ordered(found.rows[:size], found.scores[:size] + more.sum(axis=1), votes)


def _ordered(rows: Rows, scores: NDArray[np.float32], votes: Vectors) -> _Found:
    """Best first, the lower row on a tie."""
    order = np.lexsort((rows, -scores))
    return _Found(rows[order], scores[order], votes[order])
