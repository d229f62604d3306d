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
_MOST_WORDS = 105  # of a text; with a question and a title they fill what the model reads
_LONGEST_TITLE, _LONGEST_CAPTION = 100, 200  # characters


class Reader:
    """Judges whether statements answer; threads may share it."""

    def __init__(self, weights: Path = _WEIGHTS) -> None:
        self._model = PairModel(weights)

    def odds(self, question: str, statements: Sequence[Statement]) -> float:
        """That one of them answers, logarithmic, each read with what stands around it."""
        logarithms = self._model.logarithms(question, [_told(one) for one in statements])
        return float((logarithms[:, 1] - logarithms[:, 0]).max())


def _told(statement: Statement) -> str:
    """The statement between the sentences next to it, behind its reading's title."""
    chunk, window = statement.passage.chunk, statement.passage.chunk.window
    title = chunk.reading.title[:_LONGEST_TITLE]
    if window.kind == "table":
        return f"{title}. {chunk.context[:_LONGEST_CAPTION]} | {statement.text}"
    places = sentences(window.text)
    at = next((n for n, (a, b) in enumerate(places) if a <= statement.start < b), 0)
    first, last = max(at - 1, 0), at
    while last + 1 < len(places):
        words = window.text[places[first][0] : places[last + 1][1]].split()
        if len(words) > _MOST_WORDS:
            break
        last += 1
    return f"{title}. {window.text[places[first][0] : places[last][1]]}"
