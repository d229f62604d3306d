"""Trains rag/reader.npz: the model that tells whether a text answers a question.

``python -m tests.benchmarks.reader PLAIN FOLDER``: from the model of entailment as
tests/benchmarks/entailment.py left it in PLAIN, on tests/questions/reader_questions.jsonl: texts of the 13
papers and of SciFact's abstracts (Wadden et al. 2020), each with two questions that it answers and two that
it nearly does, and some of the answered ones with another text of their paper. FOLDER gets
``without_0.npz`` and ``without_1.npz``, each trained without one half of the papers and judged by it, and
``all.npz``, which the project keeps. Seed 1, on the processor: some half an hour on two cores.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

import numpy as np
import torch

from rag.embedders.minilm import package_folder
from rag.pair_model import Pieces
from tests.benchmarks.claim_pairs import HALVES, Pair
from tests.benchmarks.entailment import PairModel, judgements, keep, restored, train

QUESTIONS = Path(__file__).parent.parent / "questions" / "reader_questions.jsonl"
RATE, EPOCHS = 1.5e-4, 2
ELSEWHERE, TITLED = 0.3, 0.5
"""The share of answered questions that are seen with another text, and of texts that have their title."""

ANSWERED, UNANSWERED = 1, 0


def pairs(without, chance: Random, elsewhere=ELSEWHERE) -> list[Pair]:
    """(question, text, whether it answers), without the readings that are named."""
    texts = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    by_reading: dict[str, list[str]] = {}
    for one in texts:
        by_reading.setdefault(one["reading"], []).append(one["text"])
    found = []
    for one in (one for one in texts if one["reading"] not in without):
        title = one["title"][:100]
        labels = [(q, ANSWERED) for q in one["answered"]]
        for question, label in [*labels, *((q, UNANSWERED) for q in one["unanswered"])]:
            found.append((question, _titled(title, one["text"], chance), label))
            if label == ANSWERED and chance.random() < elsewhere:
                other = chance.choice(by_reading[one["reading"]])
                if other != one["text"]:
                    found.append((question, _titled(title, other, chance), UNANSWERED))
    chance.shuffle(found)
    return found


def _titled(title, text, chance):
    return (f"{title}. {text}" if chance.random() < TITLED else text)[:900]


def judged(model, data, pieces):
    """How well the two sides are told apart."""
    both, labels = judgements(model, data, pieces)
    odds = both[:, ANSWERED] - both[:, UNANSWERED]
    yes, no = np.sort(odds[labels == ANSWERED]), odds[labels == UNANSWERED]
    area = np.mean([(yes > one).mean() for one in no])
    right = np.mean((odds > 0) == labels)
    return f"{right:.3f} of {len(data)} right, AUC {area:.3f}"


def main(plain: Path, folder: Path) -> None:
    """Train and keep the three models."""
    pieces = Pieces.load()
    for name, without in (("without_0", HALVES[0]), ("without_1", HALVES[1]), ("all", ())):
        torch.manual_seed(0)
        model = PairModel(package_folder(), labels=2)
        head = {k: v for k, v in model.state_dict().items() if k.startswith("head.")}
        model.load_state_dict({**restored(plain), **head})
        chance = np.random.default_rng(1)
        train(model, pairs(without, Random(1)), pieces, RATE, EPOCHS, chance)
        if without:
            left = {paper for half in HALVES for paper in half} - set(without) | {"abstracts"}
            print(name, judged(model, pairs(left, Random(2), elsewhere=0.0), pieces))
        keep(model, folder / f"{name}.npz")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
