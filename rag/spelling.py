"""Rare words that stand nowhere in the index, and what was probably meant by them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache

from rag.terms import located_terms, rarity

_SHORTEST, _LONG = 5, 8
"""Letters of a term that may have one slip, and two."""

_RARE = 0.9
"""Rarity from which a word is no English word that the readings happen not to use."""


class Spelling:
    """The terms of an index as they are spelled; threads may share it."""

    def __init__(self, vocabulary: Collection[str], frequency: Callable[[str], int]) -> None:
        """``frequency`` is the number of rows with a term: it decides between equally near ones."""
        self._vocabulary = vocabulary
        self._frequency = frequency
        self._nearest = lru_cache(maxsize=1024)(self._search)

    def terms(self, text: str) -> list[str]:
        """The text's terms, those that look like slips replaced by the nearest of the index."""
        return [
            term if term in self._vocabulary else self._meant(term, text[start:end])
            for term, start, end in located_terms(text)
        ]

    def _meant(self, term: str, word: str) -> str:
        if len(term) < _SHORTEST or not term.isalpha() or rarity(word) < _RARE:
            return term
        return self._nearest(term)

    def _search(self, term: str) -> str:
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        most = 1 if len(term) < _LONG else 2
        # Hardly anybody mistypes the first letter, and it keeps most of the index out.
        alike = [known for known in self._vocabulary if known[:1] == term[0]]
        near = process.extract(term, alike, scorer=OSA.distance, score_cutoff=most, limit=None)
        best = min(near, key=lambda one: (one[1], -self._frequency(one[0])), default=(term,))
        return str(best[0])
