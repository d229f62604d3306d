"""Prints nDCG@10 and recall@100 on BEIR SciFact's test for the retriever and for its parts.

    python -m tests.benchmarks.scifact FOLDER [--index FOLDER]

FOLDER holds ``corpus.jsonl``, ``queries.jsonl`` and ``qrels.tsv`` (Thakur et al., BEIR, 2021;
Wadden et al., SciFact, 2020). Every abstract is a page of one reading with its title as the
section, cut, embedded and searched by the code that searches papers, and is ranked by its best
window. Counted are all claims with a judgement; the intervals are those of 2000 resamples of the
claims, seed 1993 (rag/figures.py). nDCG@10 is of the first ten abstracts of a search for 20
passages, and recall@100 of one for 200, for which more rows are read. Embedding takes some
minutes the first time and is kept in the index folder.

The weights of late interaction and the rows it reads are tried around those of the product.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from rag import abbreviations, chunking
from rag.embedded import Vectors
from rag.embedders.minilm import MiniLm, package_folder
from rag.figures import RESAMPLES, SEED
from rag.library.builds import build
from rag.library.index import Index
from rag.library.recipe import Parts, Recipe
from rag.meaning import Meaning
from rag.mentions import Mentions
from rag.names import Names
from rag.protocols import Ranker
from rag.retrievers import bm25, hybrid
from rag.retrievers.bm25 import Bm25
from rag.retrievers.dense import Dense
from rag.retrievers.hybrid import Hybrid
from rag.retrievers.late import Late
from rag.scores import min_max
from rag.stores import faiss
from rag.types import Block, Box, Chunk, Page, Reading, Span

Judgements = Mapping[str, frozenset[str]]
"""The abstracts that support or contradict a claim, by the claim's id."""

Search = Callable[[str, int], list[str]]
"""The ids of abstracts for a claim from about so many passages, best first."""

_FIRST, _MANY = 20, 200
"""Passages that hold ten abstracts or more, and a hundred."""

_RRF = 60  # Cormack, Clarke and Büttcher (2009)


@dataclass(frozen=True, slots=True)
class Collection:
    """BEIR's files: abstracts as (id, title, text), claims by id, and judgements."""

    abstracts: tuple[tuple[str, str, str], ...]
    claims: Mapping[str, str]
    judged: Judgements
    sha256: str

    @classmethod
    def load(cls, folder: Path) -> Collection:
        lines = (folder / "corpus.jsonl").read_bytes()
        abstracts = [json.loads(line) for line in lines.splitlines()]
        claims = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
        judged: dict[str, set[str]] = {}
        with (folder / "qrels.tsv").open(encoding="utf-8") as rows:
            for row in csv.DictReader(rows, delimiter="\t"):
                if int(row["score"]) > 0:
                    judged.setdefault(row["query-id"], set()).add(row["corpus-id"])
        return cls(
            tuple((a["_id"], a["title"].strip(), a["text"].strip()) for a in abstracts),
            {c["_id"]: c["text"] for c in claims if c["_id"] in judged},
            {claim: frozenset(ids) for claim, ids in judged.items()},
            hashlib.sha256(lines).hexdigest(),
        )


def _page(number: int, title: str, text: str) -> Page:
    words = [
        Span(m.start(), m.end(), Box(number, 0.0, 0.0, 1.0, 1.0)) for m in re.finditer(r"\S+", text)
    ]
    heading = Block("heading", title, (), level=1)
    blocks = (heading, Block("paragraph", text, tuple(words)))
    return Page(number, str(number), 1.0, 1.0, blocks)


def _pages(collection: Collection) -> list[Page]:
    return [_page(n, title, text) for n, (_, title, text) in enumerate(collection.abstracts, 1)]


def _searched(chunk: Chunk) -> str:
    """Title and text as BEIR has them: the reading that the pages are gathered in has no name."""
    return chunking.search_text(chunk).removeprefix(" > ")


def _open(collection: Collection, folder: Path, embedder: MiniLm) -> Index:
    """The index of the abstracts, built if it is not there."""
    reading = Reading(
        "scifact", "", (), 2020, "", "ODC-By", "paper", collection.sha256, Path("corpus.jsonl")
    )
    recipe = Recipe(
        "scifact-1",
        embedder.name,
        embedder.dim,
        embedder.fingerprint,
        chunking.VERSION,
        "faiss",
        bm25.VERSION,
    )
    parts = Parts(
        parse=lambda _: _pages(collection),
        chunk=lambda reading, pages: chunking.chunk_pages(
            reading, pages, embedder.count_tokens, embedder.max_tokens
        ),
        search_text=_searched,
        embedder=lambda: embedder,
        new_store=lambda: faiss.new(embedder.dim),
        write_lexical=bm25.write,
        write_abbreviations=abbreviations.write,
    )
    build(folder, recipe, (reading,), parts, _progress)
    return Index.open(folder, recipe)


def _progress(stage: str, done: int, total: int) -> None:
    sys.stderr.write(f"\r{stage} {done} of {total}   ")


class _Searches:
    """The ways to search that are compared."""

    def __init__(self, collection: Collection, index: Index, embedder: MiniLm) -> None:
        self._ids = [abstract for abstract, _, _ in collection.abstracts]
        self._index = index
        lexical = Bm25.open(index.folder)
        self._dense = Dense(faiss.open_store(index.folder), embedder)
        self._bm25 = lexical
        self._late = Late(index, index.embedded(), embedder)
        rows = {r.reading_id: index.rows_of(frozenset({r.reading_id})) for r in index.readings}
        self._meaning = Meaning(
            Mentions(rows, lexical.rows_with),
            abbreviations.Abbreviations.open(index.folder, lexical.rows_with),
            Names(()),
        )

    def named(self) -> Iterator[tuple[str, Search]]:
        both: tuple[Ranker, ...] = (self._dense, self._bm25)
        yield "dense alone", self._of(Hybrid(self._index, both[:1], (), self._meaning))
        yield "BM25 alone", self._of(Hybrid(self._index, both[1:], (), self._meaning))
        yield "RRF of both", self._rrf
        yield "sum of both", self._of(Hybrid(self._index, both, (), self._meaning))
        whole = self._of(Hybrid(self._index, both, (self._late,), self._meaning))
        yield "with late interaction (the product)", whole
        for weight in (0.5, 2.0):
            yield f"late interaction × {weight:g}", _changed(whole, weight=weight)
        for rows in (100, 200):
            yield f"late interaction, {rows} rows", _changed(whole, rows=rows)
            for weight in (0.5, 2.0):
                name = f"late interaction × {weight:g}, {rows} rows"
                yield name, _changed(whole, weight=weight, rows=rows)

    def _of(self, retriever: Hybrid) -> Search:
        def search(claim: str, passages: int) -> list[str]:
            return self._abstracts(p.chunk for p in retriever.retrieve(claim, passages))

        return search

    def _abstracts(self, chunks: Iterator[Chunk]) -> list[str]:
        numbers = dict.fromkeys(chunk.window.pages[0] for chunk in chunks)
        return [self._ids[number - 1] for number in numbers]

    def _rrf(self, claim: str, passages: int) -> list[str]:
        """Reciprocal rank fusion of the two rankers' rows, as deep as the product asks them."""
        scores: dict[int, float] = {}
        for ranker in (self._dense, self._bm25):
            rows, _ = ranker.top(claim, max(100, 2 * passages))
            for rank, row in enumerate(rows.tolist(), 1):
                scores[row] = scores.get(row, 0.0) + 1 / (_RRF + rank)
        best = sorted(scores, key=lambda row: (-scores[row], row))
        return self._abstracts(iter(self._index.chunks(best)))


def _changed(search: Search, weight: float = 1.0, rows: int = hybrid._READ_AGAIN) -> Search:
    """The search with another weight of late interaction, or with more rows that it reads."""

    def weighted(found: hybrid._Found, judgements: Sequence[Vectors]) -> hybrid._Found:
        size = len(judgements[0])
        more = np.stack([min_max(scores) for scores in judgements], axis=1)
        votes = np.concatenate([found.votes[:size], more], axis=1)
        scores = found.scores[:size] + np.float32(weight) * more.sum(axis=1)
        return hybrid._ordered(found.rows[:size], scores, votes)

    def changed(claim: str, passages: int) -> list[str]:
        with (
            mock.patch.object(hybrid, "_READ_AGAIN", rows),
            mock.patch.object(hybrid, "_judged", weighted),
        ):
            return search(claim, passages)

    return changed


def ndcg(found: Sequence[str], right: frozenset[str]) -> float:
    """nDCG@10 with a gain of 1 for each abstract that is judged to bear on the claim."""
    gains = sum(1 / np.log2(at + 1) for at, one in enumerate(found[:10], 1) if one in right)
    return float(gains / sum(1 / np.log2(at + 1) for at in range(1, min(len(right), 10) + 1)))


def recall(found: Sequence[str], right: frozenset[str]) -> float:
    """The share of the abstracts wanted that are among the first hundred."""
    return len(right.intersection(found[:100])) / len(right)


def _interval(values: Sequence[float]) -> str:
    one = np.array(values)
    draws = np.random.default_rng(SEED).integers(0, len(one), (RESAMPLES, len(one)))
    low, high = np.percentile(one[draws].mean(axis=1), [2.5, 97.5])
    return f"{one.mean():.3f} [{low:.3f} {high:.3f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scifact", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--index", type=Path, default=Path(".rag/scifact"), help="where it is kept")
    options = parser.parse_args(arguments)
    collection = Collection.load(options.folder)
    embedder = MiniLm(package_folder())
    index = _open(collection, options.index, embedder)
    print(f"{len(collection.abstracts)} abstracts, {len(index)} chunks, ", end="")
    print(f"{len(collection.claims)} claims\n")
    print("| search | nDCG@10 | recall@100 |\n|---|---|---|")
    for name, search in _Searches(collection, index, embedder).named():
        pairs = [(text, collection.judged[claim]) for claim, text in collection.claims.items()]
        first = [ndcg(search(text, _FIRST), right) for text, right in pairs]
        many = [recall(search(text, _MANY), right) for text, right in pairs]
        print(f"| {name} | {_interval(first)} | {_interval(many)} |", flush=True)


if __name__ == "__main__":
    main()
