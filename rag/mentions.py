"""Which readings a question speaks of, told by its rare words.

A word that stands in one reading far more often than in all others points to that reading: its
nickname, the name of its benchmark, an author. No list of names is needed, and none goes stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rag.protocols import Rows
from rag.terms import located_terms, rarity

_RARE = 0.6
"""Rarity in English from which a word may be a name."""

_NOT_COMMON = 0.5
"""Rarity in English from which it tells something that a word stands nowhere: "carbon" does."""

_OWN = 0.7
"""The share of a word's occurrences, per chunk of each reading, that makes it a reading's own."""

_TWICE = 2
"""Chunks of a reading in which its own words must stand: what stands in one is a stray."""


class Mentions:
    """The readings of an index with their rows; threads may share it."""

    def __init__(self, rows: Mapping[str, Rows], rows_with: Callable[[str], Rows]) -> None:
        """``rows`` of each reading, by its id, all rows together; ``rows_with`` a term, ascending."""
        self._ids = tuple(rows)
        self._sizes = np.array([len(own) for own in rows.values()], np.int64)
        # Which reading each row is of, so that a word's rows are counted in one go.
        self._reading_of = np.full(int(self._sizes.sum()), len(rows), np.int64)
        for number, own in enumerate(rows.values()):
            self._reading_of[own] = number
        self.rows_with = rows_with

    def of(self, text: str) -> list[str]:
        """The ids of the readings that words of the text point to, the rarest words' first."""
        found: dict[str, float] = {}
        for term, start, end in located_terms(text):
            rare = rarity(text[start:end])
            if rare >= _RARE and (owner := self._owner(term)):
                found[owner] = max(found.get(owner, 0.0), rare)
        return sorted(found, key=lambda reading: -found[reading])

    def absent(self, text: str, readings: frozenset[str] | None = None) -> list[str]:
        """The words of the text, as it spells them, that are not common and stand in none of the
        readings (None for all), in their order.
        """
        within = np.array([readings is None or one in readings for one in self._ids], np.bool_)
        words: dict[tuple[int, int], bool] = {}
        for term, start, end in located_terms(text):
            if rarity(text[start:end]) >= _NOT_COMMON:
                there = bool(within[self._reading_of[self.rows_with(term)]].any())
                words[start, end] = words.get((start, end), False) or there
        missing: dict[str, str] = {}
        for (start, end), there in words.items():
            if not there:
                missing.setdefault(text[start:end].casefold(), text[start:end])
        return list(missing.values())

    def _owner(self, term: str) -> str | None:
        """The reading whose own word a term is, if it is any's."""
        with_term = self.rows_with(term)
        counts = np.bincount(self._reading_of[with_term], minlength=len(self._ids))
        shares = counts / np.maximum(self._sizes, 1)
        best = int(shares.argmax()) if len(shares) else 0
        if len(shares) < 2 or counts[best] < _TWICE or shares[best] <= _OWN * shares.sum():
            return None
        return self._ids[best]
