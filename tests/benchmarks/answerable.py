"""Whether passages answer a question: fits the weights of rag/answerable.py.

``RAG_CORPUS=… RAG_INDEX=… python -m tests.benchmarks.answerable FOLDER`` over an index of the papers of
tests/questions (and perhaps others). Each question of papers.jsonl and papers_refusals.jsonl is
asked of all readings, and of its own with one other. A question with an answer is also asked of two readings
that are not its own, where it mostly has none. Questions worded on purpose unlike the page count half.
FOLDER holds what tests/benchmarks/reader.py made: a question is read by the model that was not trained
on its paper.

The regressions, one without the reader and one with it, are logistic, each side as heavy as the other,
ridge 5, each sign's direction fixed beforehand. They are cross-validated by paper. The bias is set so that
of the answerable questions of papers.jsonl one in 20 is refused, cross-validated.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from rag.answerable import _SURE
from rag.assembly import open_engine
from rag.clauses import joins
from rag.engine import Engine
from rag.llms.extractive import Extractive, _Asked, _told
from rag.questions import Question, parse_questions
from rag.reader import Reader
from rag.settings import Settings
from tests.benchmarks.claim_pairs import HALVES

QUESTIONS = Path(__file__).parent.parent / "questions"
PLAIN, WORDED_OTHERWISE = "papers.jsonl", "papers_refusals.jsonl"
WRONGLY, RIDGE = 0.05, 5.0
BOUNDS = [(None, 0), (0, None), (0, None), (None, 0), (0, None), (0, None)]
"""Of lacking, agreement, length, unnamed, counted, and of what the reader makes of it."""

SIGNS, READ = [0, 1, 2, 3, 4], [0, 1, 3, 4, 5]
"""Which of them the regressions have. With the reader there is no length: in the questions the answerable
ones are three words longer, and nobody's are to be refused for being short."""


@dataclass(frozen=True)
class Case:
    """A question asked of some readings: its paper, its signs and what the reader makes of it, whether
    they answer it.
    """

    paper: str
    source: str
    scope: str
    signs: tuple[float, ...]
    answerable: bool

    @property
    def weight(self):
        return 0.5 if self.answerable and self.source == WORDED_OTHERWISE else 1.0


def cases(engine: Engine, readers: Sequence[Reader]) -> Iterator[Case]:
    """Every question with every scope; the choice of other readings is the same in each run."""
    chance = random.Random(1)
    ids = [reading.reading_id for reading in engine.readings]
    for source in (PLAIN, WORDED_OTHERWISE):
        lines = (QUESTIONS / source).read_text("utf-8").splitlines()
        for question in parse_questions(lines, source):
            own = _papers(question)
            others = [one for one in ids if one not in own]
            scopes = {"all": None, "two": frozenset({*own, chance.choice(others)})}
            if question.answerable:
                scopes["others"] = frozenset(chance.sample(others, 2))
            for scope, readings in scopes.items():
                answerable = question.answerable and scope != "others"
                reader = readers[next(at for at, half in enumerate(HALVES) if own[0] in half)]
                signs = _signs(engine, reader, question.question, readings)
                yield Case(own[0], source, scope, signs, answerable)


def _papers(question: Question) -> tuple[str, ...]:
    """The papers that a question is about; one that they do not answer bears it in its id."""
    return question.readings or (question.question_id.split("-", 1)[1].rsplit("-", 1)[0],)


def _signs(engine, reader, question, readings):
    quoter = engine._quoter
    assert isinstance(quoter, Extractive)
    passages = engine.search(question, 8, readings)
    asked = _Asked.read(question, quoter._weight)
    matches = quoter._matcher.matches(question, passages)
    units = quoter._units(asked, passages, matches)
    found = quoter._signs(asked, units, passages, matches)
    if found is None:
        return 1.0, 0.0, 0.0, 0.0, 1.0, -5.0
    of_each = quoter._of_each(asked, passages, matches) if joins(question) else []
    return *astuple(found), _told(reader, question, units, of_each)


def fitted(some, signs):
    """The weights of these signs, and the bias, that make the cases likeliest."""
    x, y, weights = _arrays(some)
    x = x[:, signs]
    mean, scale = x.mean(0), x.std(0) + 1e-9
    x = (x - mean) / scale
    weights = weights * np.where(y, 1 / weights[y].sum(), 1 / weights[~y].sum()) * len(y) / 2

    def loss(theta):
        odds = x @ theta[:-1] + theta[-1]
        gap = weights * (1 / (1 + np.exp(-odds)) - y)
        total = (weights * (np.logaddexp(0, odds) - y * odds)).sum()
        slope = np.append(x.T @ gap + RIDGE * theta[:-1], gap.sum())
        return total + RIDGE / 2 * theta[:-1] @ theta[:-1], slope

    bounds = [*(BOUNDS[sign] for sign in signs), (None, None)]
    theta = minimize(loss, np.zeros(len(signs) + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.append(theta[:-1] / scale, theta[-1] - (theta[:-1] * mean / scale).sum())


def _arrays(some):
    return (
        np.array([case.signs for case in some]),
        np.array([case.answerable for case in some]),
        np.array([case.weight for case in some]),
    )


def area(yes, no):
    """The chance that a case with an answer has higher odds than one without (AUC)."""
    return np.mean([(yes > one).mean() + (yes == one).mean() / 2 for one in no])


def cross_validated(every, signs):
    """Each case's odds by weights made from the other papers."""
    x = _arrays(every)[0][:, signs]
    odds = np.zeros(len(every))
    for paper in sorted({case.paper for case in every}):
        out = np.array([case.paper == paper for case in every])
        theta = fitted([case for case in every if case.paper != paper], signs)
        odds[out] = x[out] @ theta[:-1] + theta[-1]
    return odds


def report(title, every, odds):
    """Print how the questions are told apart; returns the odds below which is refused."""

    def of(**wanted):
        rows = [all(getattr(case, k) == v for k, v in wanted.items()) for case in every]
        return odds[np.array(rows)]

    plain = np.sort(
        np.concatenate([of(source=PLAIN, answerable=True, scope=s) for s in ("all", "two")])
    )
    least = plain[int(WRONGLY * len(plain))]
    print(title)
    for scope in ("all", "two"):
        no = of(answerable=False, scope=scope)
        yes = of(source=PLAIN, answerable=True, scope=scope)
        hard = of(source=WORDED_OTHERWISE, answerable=True, scope=scope)
        print(
            f"  {scope:6s} AUC {area(yes, no):.2f}, refused {np.mean(no < least):.2f} of {len(no)}, "
            f"wrongly {np.mean(yes < least):.2f} of {len(yes)}, "
            f"and {np.mean(hard < least):.2f} of {len(hard)} worded unlike the page"
        )
    print(f"  others refused {np.mean(of(scope='others') < least):.2f}")
    return least


def main(folder: Path) -> None:
    """Print the figures, cross-validated by paper, and the weights made from all."""
    readers = [Reader(folder / f"without_{half}.npz") for half in range(len(HALVES))]
    every = list(cases(open_engine(Settings.load()), readers))
    alone, read = cross_validated(every, SIGNS), cross_validated(every, READ)
    report("without the reader", every, alone)
    doubted = np.where(alone < _SURE, read, np.inf)
    least = report("with it where there is doubt", every, doubted)
    first, second = fitted(every, SIGNS), fitted(every, READ)
    print("weights", first[:-1].round(2).tolist(), "bias", round(first[-1], 2))
    print("and read", second[:-1].round(2).tolist(), "bias", round(second[-1] - least, 2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
