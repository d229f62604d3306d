"""Prints what each part of the retriever is worth on questions about papers, as a Markdown table.

    RAG_INDEX=FOLDER python -m tests.benchmarks.ablation QUESTIONS.jsonl …

Each line is the product's retriever with one thing taken from it, over the same index. Counted are
the answerable questions about readings of the index, by the marks of ``python -m rag.evaluate``:
the right page or the evidence's text among the first 1 or 5 of ten passages, with the 95 %
bootstrap interval (2000 resamples, seed 1993). "Without turns" a question for several things is
searched for once, as it stands; "without rows" a row of a table is not found by itself, only with
the rows beside it. A star marks a difference to the whole that is more than chance (paired
bootstrap).
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from rag import console
from rag.assembly import meaning_of, plugin
from rag.assembly import recipe as recipe_of
from rag.embedded import Vectors
from rag.figures import differences, figures
from rag.library.index import Index
from rag.library.packing import CHUNKS, read_only
from rag.marks import Marks, mark
from rag.protocols import Ranker, Rows
from rag.questions import ALL, Question, parse_questions
from rag.records import passage_record
from rag.retrievers import hybrid
from rag.retrievers.bm25 import Bm25
from rag.retrievers.dense import Dense
from rag.retrievers.hybrid import Hybrid
from rag.retrievers.late import Late
from rag.settings import Settings
from rag.types import Passage

_FIGURES = ("page@1", "page@5", "text@5")
_PASSAGES = 10

Retrieve = Callable[[str], list[Passage]]


@dataclass(frozen=True, slots=True)
class _Without:
    """A ranker that never names some rows."""

    ranker: Ranker
    hidden: Rows

    @property
    def name(self) -> str:
        return self.ranker.name

    def top(self, question: str, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        found, scores = self.ranker.top(question, 3 * k, rows)
        kept = np.flatnonzero(~np.isin(found, self.hidden))[:k]
        return found[kept], scores[kept]


def _table_rows(index: Index) -> Rows:
    """The chunks that are one row of a table under its heads: these name their cells."""
    with closing(sqlite3.connect(read_only(index.folder / CHUNKS), uri=True)) as db:
        found = db.execute(
            "SELECT row, text, cells, first, last FROM chunk JOIN window USING (window_id)"
            " WHERE kind = 'table' AND context LIKE '%: %' ORDER BY row"
        ).fetchall()
    return np.array([row for row, *rest in found if _is_one_row(*rest)], np.int64)


def _is_one_row(text: str, cells: str, first: int, last: int) -> bool:
    heads = [head for start, end, head in json.loads(cells) if first <= start and end <= last]
    return "\n" not in text[first:last] and sum(map(bool, heads)) > 0


def _retrievers(settings: Settings) -> Iterator[tuple[str, Retrieve]]:
    embedder = plugin("embedders", settings.embedder).load(settings)
    parser = plugin("parsers", settings.parser).load(settings)
    index = Index.open(settings.index_folder, recipe_of(settings, embedder, parser))
    lexical = Bm25.open(index.folder)
    dense = Dense(plugin("stores", settings.store).open_store(index.folder), embedder)
    late = Late(index, index.embedded(), embedder)
    meaning = meaning_of(index, lexical.rows_with, settings)
    both: tuple[Ranker, ...] = (dense, lexical)
    whole = Hybrid(index, both, (late,), meaning)
    hidden = _table_rows(index)
    fewer = tuple(_Without(ranker, hidden) for ranker in both)
    yield "the product", _plain(whole)
    yield "without late interaction", _plain(Hybrid(index, both, (), meaning))
    yield "without turns", _without_turns(whole)
    yield f"without {len(hidden)} rows of tables", _plain(Hybrid(index, fewer, (late,), meaning))
    yield "dense alone", _plain(Hybrid(index, (dense,), (), meaning))
    yield "BM25 alone", _plain(Hybrid(index, (lexical,), (), meaning))
    yield "dense alone, without turns", _without_turns(Hybrid(index, (dense,), (), meaning))
    yield "BM25 alone, without turns", _without_turns(Hybrid(index, (lexical,), (), meaning))


def _plain(retriever: Hybrid) -> Retrieve:
    return lambda question: retriever.retrieve(question, _PASSAGES)


def _without_turns(retriever: Hybrid) -> Retrieve:
    def retrieve(question: str) -> list[Passage]:
        with (
            mock.patch.object(hybrid, "joins", return_value=False),
            mock.patch.object(hybrid, "clauses", return_value=[]),
        ):
            return retriever.retrieve(question, _PASSAGES)

    return retrieve


def _marks(retrieve: Retrieve, questions: Sequence[Question]) -> list[Marks]:
    return [
        mark(one, {"passages": [passage_record(p) for p in retrieve(one.question)]}, _PASSAGES)
        for one in questions
    ]


def _line(name: str, marks: Sequence[Marks], whole: Sequence[Marks]) -> str:
    over_all = figures(marks)[0].figures
    apart = next(g for g in differences(whole, marks) if g.name == ALL).figures
    cells = [f"{over_all[f]}{' *' if apart[f].excludes_zero else ''}" for f in _FIGURES]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ablation")
    parser.add_argument("questions", type=Path, nargs="+", metavar="QUESTIONS.jsonl")
    options = parser.parse_args()
    settings = console.load_settings()
    held = {r.reading_id for r in Index.open(settings.index_folder, None).readings}
    retrievers = list(_retrievers(settings))
    for path in options.questions:
        every = parse_questions(console.lines(path), str(path))
        asked = [q for q in every if q.answerable and held.issuperset(q.readings)]
        print(f"\n{len(asked)} questions of {path.name}, {len(held)} readings\n")
        print(f"| retriever | {' | '.join(_FIGURES)} |\n|---|---|---|---|")
        whole = _marks(retrievers[0][1], asked)
        for name, retrieve in retrievers:
            print(_line(name, _marks(retrieve, asked), whole), flush=True)


if __name__ == "__main__":
    main()
