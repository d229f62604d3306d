"""Whether a text tells what a question asks: the reader behind the search.

Chen et al., Reading Wikipedia to Answer Open-Domain Questions (2017), have a reader find the words that
answer; ours only tells whether there are any, for the words are found otherwise. It is trained by
tests/benchmarks/reader.py on questions that a text answers, and on such as it nearly does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rag.pair_model import PairModel
from rag.sentences import sentences
from rag.types import Statement

_WEIGHTS = Path(__file__).with_name("reader.npz")
_MOST_WORDS = 55  # of a text: more takes longer, and as many are refused
_LONGEST_TITLE, _LONGEST_CAPTION = 100, 200  # characters


class Reader:
    """Judges whether statements answer; threads may share it."""

    def __init__(self, weights: Path = _WEIGHTS) -> None:
        self._model = PairModel(weights)

    def odds(self, question: str, statements: Sequence[Statement]) -> float:
        """That one of them answers, logarithmic, each read with what stands around it."""
        told: dict[str, list[tuple[int, int]]] = {}
        texts = []
        for said in statements:
            window = said.passage.chunk.window
            read = told.setdefault(window.window_id, [])
            if not any(start <= said.start and said.end <= end for start, end in read):
                start, end = _around(said)
                read.append((start, end))
                texts.append(_told(said, start, end))
        logarithms = self._model.logarithms(question, texts)
        return float((logarithms[:, 1] - logarithms[:, 0]).max())


def _around(said: Statement) -> tuple[int, int]:
    """What is said, with the sentence before and as many behind as are read at once; or a row."""
    window = said.passage.chunk.window
    if window.kind == "table":
        return said.start, said.end
    places = sentences(window.text)
    first = next((n for n, (_, end) in enumerate(places) if end > said.start), 0)
    last = next((n for n, (_, end) in enumerate(places) if end >= said.end), len(places) - 1)

    def words(low: int, high: int) -> int:
        return len(window.text[places[low][0] : places[high][1]].split())

    if first and words(first - 1, last) <= _MOST_WORDS:
        first -= 1
    while last + 1 < len(places) and words(first, last + 1) <= _MOST_WORDS:
        last += 1
    return places[first][0], places[last][1]


def _told(said: Statement, start: int, end: int) -> str:
    """What stands there behind its reading's title; of a table what is said, behind its caption."""
    chunk, window = said.passage.chunk, said.passage.chunk.window
    title = chunk.reading.title[:_LONGEST_TITLE]
    if window.kind == "table":
        return f"{title}. {chunk.context[:_LONGEST_CAPTION]} | {said.text}"
    return f"{title}. {window.text[start:end]}"
