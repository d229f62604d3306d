"""How far each reading covers a topic, and which of its passages do.

No search of its own per reading: a topic is compared with all chunks at once, by its vector and by
BM25, and the likeliest of each reading word by word. The verdict is a logistic regression on three
figures; its weights (rag/covering.json) and the script that made them
(tests/benchmarks/covering.py) are in the project.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Embedded, Vectors
from rag.protocols import Embedder, Library, Ranker, Rows
from rag.terms import located_terms
from rag.topics import Topic
from rag.types import Chunk, Passage, Reading

Verdict = Literal["covered", "mentioned", "absent"]
Figures = NDArray[np.float64]

FEATURES = ("nearest", "near", "words")
"""What a verdict rests on, in the order of the weights.

nearest, near: how like the topic's words are to those of the best passage, and the mean of the
best three; rare words count more. words: the mean BM25 score of the three passages that share most
words with the topic.
"""

_WEIGHTS = Path(__file__).with_name("covering.json")
_CLOSE = 24  # chunks of a reading that are compared word by word
_BEST = 3  # passages that a verdict looks at, and shows
_BESIDE = 0.8  # of the best passage's nearness: what comes less near is not shown beside it
_AROUND = 40  # passages in which works are looked for that are cited around a topic
_DENSE = 2.0  # cosines rarely pass .5: twice as much makes them as large as the best BM25 score


@dataclass(frozen=True, slots=True)
class Cell:
    """What one reading has on one topic.

    ``passages`` are the best first, their score being nearness; of an absent topic the one that
    comes nearest. ``pages`` are those the passages' own words stand on, the best passage's first,
    and none of an absent topic. Of the topic's words ``beside`` stand in these passages (or in
    their headings), ``elsewhere`` only in other parts of the reading, ``nowhere`` in none.
    """

    reading: Reading
    verdict: Verdict
    figures: tuple[float, ...]
    passages: tuple[Passage, ...]
    pages: tuple[int, ...]
    beside: tuple[str, ...]
    elsewhere: tuple[str, ...]
    nowhere: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A topic with a cell for each reading, in the order of the table's readings.

    ``around`` are the passages that come nearest in all of them, best first, their score nearness.
    """

    topic: Topic
    cells: tuple[Cell, ...]
    around: tuple[Passage, ...]

    @property
    def covering(self) -> tuple[Reading, ...]:
        """The readings that cover it."""
        return tuple(cell.reading for cell in self.cells if cell.verdict == "covered")


@dataclass(frozen=True, slots=True)
class Table:
    """Topics by readings."""

    readings: tuple[Reading, ...]
    rows: tuple[Row, ...]

    @property
    def covered_once(self) -> tuple[Row, ...]:
        """The topics that one reading alone covers."""
        return tuple(row for row in self.rows if len(row.covering) == 1)

    @property
    def gaps(self) -> tuple[Row, ...]:
        """The topics that no reading covers."""
        return tuple(row for row in self.rows if not row.covering)


@dataclass(frozen=True, slots=True)
class Model:
    """Two logistic regressions on FEATURES: is it covered, and is it spoken of at all."""

    covered: Figures
    mentioned: Figures
    biases: tuple[float, float]

    @classmethod
    def load(cls) -> Model:
        """The weights that come with the project. Raises ValueError if they fit other features."""
        kept = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
        if tuple(kept["features"]) != FEATURES:
            raise ValueError(f"{_WEIGHTS.name} was made for other features: make it anew.")
        covered, mentioned = (np.array(kept[name]["weights"]) for name in ("covered", "mentioned"))
        return cls(covered, mentioned, (kept["covered"]["bias"], kept["mentioned"]["bias"]))

    def verdict(self, figures: Figures) -> Verdict:
        """What is likelier than not; what is covered is also mentioned."""
        if figures @ self.covered + self.biases[0] >= 0:
            return "covered"
        return "mentioned" if figures @ self.mentioned + self.biases[1] >= 0 else "absent"


@dataclass(frozen=True, slots=True)
class _Sought:
    """A topic against all chunks: ``cosines`` and ``scores`` (BM25), shape (chunks,).

    ``words`` are the topic's, each with where it stands, shape (chunks,).
    """

    asked: Embedded
    weights: Vectors
    cosines: Vectors
    scores: Vectors
    words: tuple[tuple[str, NDArray[np.bool_]], ...]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A reading's rows without its bibliography, and the number of the window each stands in."""

    reading: Reading
    rows: Rows
    windows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A topic in one reading: its figures, and its best rows, one a window, with their nearness."""

    figures: Figures
    rows: Rows
    near: Vectors


class Surveyor:
    """Compares topics with the readings of an index."""

    def __init__(
        self,
        library: Library,
        chunks: Embedded,
        embedder: Embedder,
        lexical: Ranker,
        rows_with: Callable[[str], Rows],
        left_out: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """``chunks`` are the library's, row by row; ``rows_with`` a term, ascending.

        ``left_out`` are readings that could not be used, as (name, why).
        """
        self.left_out = left_out
        self._library = library
        self._chunks = chunks.as_arrays()
        self._embedder = embedder
        self._lexical = lexical
        self._rows_with = rows_with
        self._pages: dict[int, tuple[int, ...]] = {}

    @cached_property
    def _texts(self) -> dict[int, Chunk]:
        """Every chunk that is no bibliography's, by its row."""
        rows = np.setdiff1d(
            np.arange(len(self._chunks)), self._library.rows_of_kind("reference")
        ).tolist()
        return dict(zip(rows, self._library.chunks(rows), strict=True))

    @cached_property
    def _shelves(self) -> tuple[_Shelf, ...]:
        """What is compared of each reading, in the order of the reading list."""
        return tuple(map(self._shelf, self._library.readings))

    def _shelf(self, reading: Reading) -> _Shelf:
        every = self._library.rows_of(frozenset({reading.reading_id})).tolist()
        rows = [row for row in every if row in self._texts]
        ids = [self._texts[row].window.window_id for row in rows]
        numbers = {window: at for at, window in enumerate(dict.fromkeys(ids))}
        windows = np.array([numbers[window] for window in ids], np.int64)
        return _Shelf(reading, np.array(rows, np.int64), windows)

    def _chosen(self, readings: frozenset[str] | None) -> list[_Shelf]:
        if readings is not None:
            self._library.rows_of(readings)  # which tells of an unknown one
        return [s for s in self._shelves if readings is None or s.reading.reading_id in readings]

    def readings(self, chosen: frozenset[str] | None = None) -> tuple[Reading, ...]:
        """These readings or all, in the order of the list. Raises ReadingError for an unknown one."""
        return tuple(shelf.reading for shelf in self._chosen(chosen))

    def chunks(self, reading_id: str) -> list[Chunk]:
        """A reading's chunks without its bibliography, in the order of its pages."""
        (shelf,) = self._chosen(frozenset({reading_id}))
        return [self._texts[row] for row in shelf.rows.tolist()]

    def vectors(self, questions: Sequence[str]) -> Vectors:
        """The questions' unit vectors, row by row."""
        rows = [self._embedder.embed_query(question).vectors for question in questions]
        return np.concatenate([np.empty((0, self._embedder.dim), np.float32), *rows])

    def references(self, reading_id: str) -> list[str]:
        """The blocks of a reading's bibliography, in the order of its pages."""
        rows = self._library.rows_of(frozenset({reading_id}))
        listed = np.intersect1d(rows, self._library.rows_of_kind("reference"))
        return [chunk.text for chunk in self._library.chunks(listed.tolist())]

    def table(
        self,
        topics: Sequence[Topic],
        model: Model,
        readings: frozenset[str] | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Table:
        """A verdict for each topic and reading; ``progress`` hears how many topics are done.

        Raises ReadingError for an unknown reading.
        """
        shelves = self._chosen(readings)
        rows = []
        for done, topic in enumerate(topics, 1):
            sought = self._seek(topic)
            found = self._evidence(sought, shelves)
            cells = [
                self._cell(sought, shelf, evidence, model.verdict(evidence.figures))
                for shelf, evidence in zip(shelves, found, strict=True)
            ]
            rows.append(Row(topic, tuple(cells), self._around(found)))
            progress(done)
        return Table(tuple(shelf.reading for shelf in shelves), tuple(rows))

    def pages(self, found: Evidence) -> tuple[int, ...]:
        """The pages of the best passages, the best's first."""
        return tuple(dict.fromkeys(p for row in found.rows[:_BEST].tolist() for p in self._on(row)))

    def evidence(self, topic: Topic) -> dict[str, Evidence]:
        """What the verdicts on a topic rest on, by reading id."""
        found = self._evidence(self._seek(topic), self._shelves)
        return {s.reading.reading_id: e for s, e in zip(self._shelves, found, strict=True)}

    def _seek(self, topic: Topic) -> _Sought:
        text = topic.sought
        asked = self._embedder.embed_query(text)
        scores = np.zeros(len(self._chunks), np.float32)
        rows, found = self._lexical.top(text, len(scores))
        scores[rows] = found
        words = _words(text)
        stands = {term: self._standing(term) for _, _, terms in words for term in terms}
        rare = {term: _rarity(where) for term, where in stands.items()}
        said = {
            text[start:end]: np.logical_or.reduce([stands[term] for term in terms])
            for start, end, terms in words
        }
        weights = np.zeros(len(asked.words), np.float32)
        for start, end, terms in words:
            own = (asked.starts >= start) & (asked.starts < end)
            weights[own] = max(rare[term] for term in terms)
        if not weights.any():
            weights[:] = 1.0
        weights /= max(float(weights.sum()), 1e-9)
        cosines = self._chunks.vectors @ asked.vectors[0]
        return _Sought(asked, weights, cosines, scores, tuple(said.items()))

    def _standing(self, term: str) -> NDArray[np.bool_]:
        """Where a term stands, shape (chunks,)."""
        found = np.zeros(len(self._chunks), np.bool_)
        found[self._rows_with(term)] = True
        return found

    def _evidence(self, sought: _Sought, shelves: Sequence[_Shelf]) -> list[Evidence]:
        top = max(float(sought.scores.max(initial=0)), 1e-9)
        fused = _DENSE * sought.cosines + sought.scores / top
        close = [shelf.rows[np.argsort(-fused[shelf.rows])[:_CLOSE]] for shelf in shelves]
        every = np.concatenate([np.empty(0, np.int64), *close])
        near = self._chunks.likeness(sought.asked.words, every) @ sought.weights
        parts = np.split(near, np.cumsum([len(rows) for rows in close])[:-1])
        return [
            _judged(sought, shelf, rows, part)
            for shelf, rows, part in zip(shelves, close, parts, strict=True)
        ]

    def _around(self, found: Sequence[Evidence]) -> tuple[Passage, ...]:
        least = _BESIDE * max((float(one.near.max(initial=0)) for one in found), default=0.0)
        close = [
            (near, row)
            for one in found
            for row, near in zip(one.rows.tolist(), one.near.tolist(), strict=True)
            if near >= least
        ]
        close.sort(key=lambda pair: (-pair[0], pair[1]))
        return tuple(
            Passage(self._texts[row], rank, near, ())
            for rank, (near, row) in enumerate(close[:_AROUND], 1)
        )

    def _cell(self, sought: _Sought, shelf: _Shelf, found: Evidence, verdict: Verdict) -> Cell:
        kept = found.near >= _BESIDE * found.near.max(initial=0)
        kept[1 if verdict == "absent" else _BEST :] = False
        rows = found.rows[kept]
        passages = [
            Passage(
                self._texts[row],
                rank,
                round(float(near), 4),
                (("dense", float(sought.cosines[row])), ("bm25", float(sought.scores[row]))),
            )
            for rank, (row, near) in enumerate(zip(rows.tolist(), found.near[kept], strict=True), 1)
        ]
        pages = [] if verdict == "absent" else [p for row in rows.tolist() for p in self._on(row)]
        shown = shelf.rows[np.isin(shelf.windows, shelf.windows[np.isin(shelf.rows, rows)])]
        beside = [word for word, where in sought.words if where[shown].any()]
        there = [word for word, where in sought.words if where[shelf.rows].any()]
        return Cell(
            reading=shelf.reading,
            verdict=verdict,
            figures=tuple(round(float(figure), 3) for figure in found.figures),
            passages=tuple(passages),
            pages=tuple(dict.fromkeys(pages)),
            beside=tuple(beside),
            elsewhere=tuple(word for word in there if word not in beside),
            nowhere=tuple(word for word, _ in sought.words if word not in there),
        )

    def _on(self, row: int) -> tuple[int, ...]:
        """The pages a chunk's own words stand on, that with most of them first."""
        if row not in self._pages:
            self._pages[row] = pages_of(self._texts[row])
        return self._pages[row]


def pages_of(chunk: Chunk) -> tuple[int, ...]:
    """The pages a chunk's own words stand on, that with most of them first."""
    pages = chunk.window.spans.pages_within(chunk.start, chunk.end)
    return tuple(sorted(set(pages), key=lambda page: (-pages.count(page), page)))


def _words(text: str) -> list[tuple[int, int, list[str]]]:
    """(start, end, terms) of each word that carries meaning, in the order of the text."""
    found: dict[tuple[int, int], list[str]] = {}
    for term, start, end in located_terms(text):
        found.setdefault((start, end), []).append(term)
    return [(start, end, terms) for (start, end), terms in sorted(found.items())]


def _rarity(where: NDArray[np.bool_]) -> float:
    """How rare what stands there is: 0 in every chunk, 1 in one or none, as BM25 would have it."""
    return 1.0 - float(np.log(max(where.sum(), 1)) / np.log(max(len(where), 2)))


def _judged(sought: _Sought, shelf: _Shelf, rows: Rows, near: Vectors) -> Evidence:
    """The figures of a reading, and its close rows in order, the best of each window alone."""
    parts = (2 * _spread(near), _spread(sought.scores[rows]), _spread(sought.cosines[rows]))
    order = np.argsort(-sum(parts, np.zeros(len(rows), np.float32)), kind="stable")
    windows = shelf.windows[np.searchsorted(shelf.rows, rows[order])]
    firsts = np.sort(np.unique(windows, return_index=True)[1])
    nearest = _best_of_windows(near[order], windows)
    shared = _best_of_windows(sought.scores[shelf.rows], shelf.windows)
    figures = (
        [nearest[0], nearest[:_BEST].mean(), shared[:_BEST].mean()] if len(rows) else [0.0] * 3
    )
    return Evidence(np.array(figures, np.float64), rows[order][firsts], near[order][firsts])


def _best_of_windows(scores: Vectors, windows: NDArray[np.int64]) -> Vectors:
    """The best score in each window, descending."""
    best = np.full(int(windows.max(initial=-1)) + 1, -np.inf, np.float32)
    np.maximum.at(best, windows, scores)
    return -np.sort(-best[np.isfinite(best)])


def _spread(scores: Vectors) -> Vectors:
    """Scores stretched to 0 … 1."""
    low, high = (float(f(scores)) for f in (np.min, np.max)) if len(scores) else (0.0, 0.0)
    return (scores - low) / ((high - low) or 1.0)
