"""Which sentence of the passages answers: fits the weights of rag/llms/extractive.py.

``RAG_CORPUS=… RAG_INDEX=… python -m tests.benchmarks.sentence_weights QUESTIONS.jsonl`` over an index
of the questions' readings. A sentence is right if it holds most of what is wanted: the share of the
wanted facts, on a page of the evidence, and half as much for the evidence's own words. The weights maximise the likelihood of a right one under a softmax over the
question's sentences (cross questions left out, ridge 2), as cross-validated by reading: the share of
questions whose best sentence is right, with weights from the other readings, is printed beside it.
"""

from __future__ import annotations

import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from rag.assembly import open_engine
from rag.llms.extractive import Extractive, _Asked
from rag.marks import lacking, page_hit, text_hit
from rag.questions import Question, parse_questions
from rag.settings import Settings
from rag.types import Statement

Case = tuple[str, np.ndarray, np.ndarray]
"""A question's reading, its sentences' evidence (n, 6), which of them are right (n,)."""


def cases(path: Path) -> list[Case]:
    """The answerable questions about one reading, with their sentences."""
    engine = open_engine(Settings.load())
    quoter = engine._quoter
    assert isinstance(quoter, Extractive)
    found = []
    for question in parse_questions(path.read_text(encoding="utf-8").splitlines(), str(path)):
        if not question.answerable or len(question.readings) != 1:
            continue
        passages = engine.search(question.question, 8)
        asked = _Asked.read(question.question, quoter._weight)
        matches = quoter._matcher.matches(question.question, passages)
        units = quoter._units(asked, passages, matches)
        held = np.array([_held(question, unit.statement) for unit in units])
        if len(held) and held.max() > 0:
            evidence = np.array([astuple(unit.evidence) for unit in units])
            found.append((question.readings[0], evidence, held == held.max()))
    return found


def _held(question: Question, said: Statement) -> float:
    window = said.passage.chunk.window
    record = {
        "reading": said.passage.chunk.reading.reading_id,
        "pages": list(window.pages),
        "text": window.text[said.start : said.end],
    }
    there = any(page_hit(record, evidence) for evidence in question.evidence)
    quoted = any(text_hit(record, evidence) for evidence in question.evidence)
    return there * (1 - len(lacking(question, said.text)) / len(question.keys)) + 0.5 * quoted


def fitted(some: list[Case]) -> np.ndarray:
    """The weights that make the right sentences likeliest."""

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = float(weights @ weights), 2 * weights
        for _, evidence, right in some:
            scores = evidence @ weights
            chances = np.exp(scores - scores.max())
            chances /= chances.sum()
            mass = chances[right].sum()
            total -= np.log(mass)
            slope -= evidence.T @ (np.where(right, chances / mass, 0) - chances)
        return total, slope

    return np.asarray(minimize(loss, np.zeros(6), jac=True, method="L-BFGS-B").x)


def main(path: Path) -> None:
    """Print the weights, the first set to 1, and how often the best sentence is right."""
    every = cases(path)
    hits = []
    for reading in sorted({reading for reading, _, _ in every}):
        weights = fitted([case for case in every if case[0] != reading])
        hits += [
            bool(right[int((evidence @ weights).argmax())])
            for name, evidence, right in every
            if name == reading
        ]
    weights = fitted(every)
    sys.stdout.write(f"{len(every)} questions; best sentence right, cross-validated: ")
    sys.stdout.write(f"{np.mean(hits):.2f}\nweights {(weights / weights[0]).round(2).tolist()}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
