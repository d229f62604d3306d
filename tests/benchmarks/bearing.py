"""Makes rag/bearing.json: the weights by which a sentence is called supported or not.

``RAG_INDEX=… RAG_CORPUS=… python -m tests.benchmarks.bearing FOLDER`` compares the claims of
tests/questions/papers_claims.jsonl, and every fourth of checker_claims.jsonl and of
checker_claims_more.jsonl, with the passages that are found for each, and fits a multinomial logistic
regression with an L2 penalty by projected gradient descent from zero: no chance is in it, so there is no
seed. Each status weighs the same. Figures are cross-validated by paper: each paper's claims are judged
by weights made from the others; ``--write`` keeps the weights made from all.

Those claims are hard on purpose: the true ones are worded unlike the page, the wrong ones like it. With
students' it is the other way round as often, so ``LEANING`` is added for supported. Without FOLDER
the script tells how the product judges plain_claims.jsonl, which students might have written.

The index is to hold the papers of the claims (and may hold others). FOLDER holds the models that
tests/benchmarks/entailment.py made: a claim is read by the one that was not trained on its paper's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from rag import bearing
from rag.assembly import open_checker, open_engine, plugin
from rag.assertions import Assertion
from rag.entailment import Entailment
from rag.evidence import evidence
from rag.library.index import Index
from rag.retrievers.bm25 import Bm25
from rag.settings import Settings
from tests.benchmarks.claim_pairs import HALVES

QUESTIONS = Path(__file__).parent.parent / "questions"
STATUSES = ("supported", "unsupported", "not_in_readings")
READINGS = "2212.10535", "2406.11931"
PENALTY, STEPS, RATE = 3.0, 1500, 0.1
LEANING = 0.4
"""Added to the odds of supported: of 0, .2 … 1 the one with which the mean of the three figures is
highest over the plain claims about the 13 papers (.73; .72 without)."""

ANY = (-np.inf, np.inf)
MORE, LESS, NONE = (0.0, np.inf), (-np.inf, 0.0), (0.0, 0.0)
ALIKE = {
    "cover", "cover near", "cover passage", "content", "content passage", "cosine", "late",
    "late low", "late back", "late low together", "content best",
}  # fmt: skip
MISSING = {
    "numbers missing", "numbers missing near", "numbers missing everywhere", "names missing",
    "names missing near", "names missing everywhere", "rank",
}  # fmt: skip
AGAINST = {
    "denial", "direction against", "opposed", "totals", "hedged", "turned", "other numbers",
}  # fmt: skip


def signs(feature):
    """What a feature may count for each status: 250 claims are too few to learn which way it points."""
    if feature in ALIKE:
        return MORE, ANY, LESS
    if feature in MISSING:
        return LESS, MORE, MORE
    if feature in AGAINST:
        return LESS, MORE, NONE
    if feature == "comparison":
        return MORE, LESS, NONE
    if feature == "lead":
        return MORE, ANY, ANY
    if feature in {"claim hedges", "all numbers"}:
        return MORE, LESS, ANY
    if feature == "claim totals":
        return LESS, MORE, ANY
    return ANY, ANY, ANY


LOW, HIGH = np.moveaxis(np.array([signs(feature) for feature in bearing.FEATURES]), 2, 0)


def fit(features, labels, low=LOW, high=HIGH):
    """(mean, scale, weights, bias) for features of shape (claims, features)."""
    mean, scale = features.mean(0), features.std(0) + 1e-9
    x, y = (features - mean) / scale, np.eye(len(STATUSES))[labels]
    balance = (len(labels) / len(STATUSES) / y.sum(0))[labels]
    weights, bias = np.zeros((x.shape[1], len(STATUSES))), np.zeros(len(STATUSES))
    for _ in range(STEPS):
        odds = x @ weights + bias
        p = np.exp(odds - odds.max(1, keepdims=True))
        gap = (p / p.sum(1, keepdims=True) - y) * balance[:, None]
        step = RATE * (x.T @ gap + PENALTY * weights) / len(labels)
        weights = np.clip(weights - step, low, high)
        bias -= RATE * gap.sum(0) / len(labels)
    return mean, scale, weights, bias


def cross_validated(features, labels, papers, *bounds):
    """Each claim's status by weights made from the other papers."""
    said = np.zeros(len(labels), int)
    for paper in sorted(set(papers)):
        out = np.array([other == paper for other in papers])
        mean, scale, weights, bias = fit(features[~out], labels[~out], *bounds)
        said[out] = ((features[out] - mean) / scale @ weights + bias).argmax(1)
    return said


def by_rules(features, differing):
    """Each claim's status without learning: little of it there, something differing, or neither."""
    column = dict(zip(bearing.FEATURES, features.T, strict=True))
    absent = column["content passage"] < 0.45
    wrong = (
        (column["numbers missing near"] > 0) | (column["names missing near"] > 0.4)
        | (column["denial"] > 0.4) | (column["direction against"] > 0) | (column["opposed"] > 0)
        | (column["totals"] > 0) | differing
    )  # fmt: skip
    return np.where(absent, 2, np.where(wrong, 1, 0))


def report(title, labels, said):
    """How each status was judged."""
    print(title)
    for at, status in enumerate(STATUSES):
        shares = [np.mean(said[labels == at] == other) for other in range(len(STATUSES))]
        print(f"  {status:16s}", *(f"{s} {v:.2f}" for s, v in zip(STATUSES, shares, strict=True)))


def open_comparers(settings, folder):
    """What compares, without the weights that are to be made: for each half of the papers one."""
    index = Index.open(settings.index_folder, None)
    embedder = plugin("embedders", settings.embedder).load(settings)
    weight = Bm25.open(index.folder).weight
    models = [Entailment(folder / f"without_{half}.npz") for half in range(len(HALVES))]
    return [bearing.Comparer(embedder, weight, model) for model in models]


def read_claims():
    """(paper, sentence, label) of each."""
    lines = (QUESTIONS / "papers_claims.jsonl").read_text("utf-8").splitlines()
    for claim in map(json.loads, lines):
        paper = claim["id"].rsplit("-", 1)[0].removeprefix("pc-")
        yield paper, claim["sentence"], claim["label"]
    for name in ("checker_claims.jsonl", "checker_claims_more.jsonl"):
        for line in (QUESTIONS / name).read_text("utf-8").splitlines()[::4]:
            claim = json.loads(line)
            if claim["reading"] != "abstracts":
                yield claim["reading"], claim["sentence"], claim["label"]


def compared(claims, settings, folder):
    """Each claim's features, whether it differs from a near copy, its label and its paper."""
    engine, comparers = open_engine(settings), open_comparers(settings, folder)
    rows = []
    for paper, sentence, label in claims:
        comparer = comparers[next(at for at, half in enumerate(HALVES) if paper in half)]
        units = list(evidence(engine.search(sentence, bearing.PASSAGES)))
        nearest = comparer.nearest(sentence, units)
        if nearest is not None:
            unit, features = nearest
            pair = [Assertion.read(text, lambda _: 0.5) for text in (sentence, unit.text)]
            rows.append((features, bearing.differs(*pair), STATUSES.index(label), paper))
        if len(rows) % 500 == 0:
            print(f"  {len(rows)} compared", flush=True)
    return [np.array(column) for column in zip(*rows, strict=True)]


def main(folder: Path, write: bool) -> None:
    """Print the figures of all ways; keep the weights if asked."""
    features, differing, labels, papers = compared(read_claims(), Settings.load(None), folder)
    report("rules", labels, by_rules(features, differing))
    old = ~np.array(
        ["entailed" in f or "neutral" in f or f == "contradicted" for f in bearing.FEATURES]
    )
    bounds = LOW[old], HIGH[old]
    alone = cross_validated(features[:, old], labels, papers, *bounds)
    report("regression without the model of entailment, cross-validated by paper", labels, alone)
    whole = cross_validated(features, labels, papers)
    report("regression with it, cross-validated by paper", labels, whole)
    ruled = np.where(differing, 1, whole)
    report("the same and near copies by rule, as rag.bearing has it", labels, ruled)
    if write:
        keep(features, labels)


def plain(settings):
    """Print how the product judges plain claims about the papers, and about the two readings."""
    engine, checker = open_checker(settings)
    said = {True: [], False: []}
    for line in (QUESTIONS / "plain_claims.jsonl").read_text("utf-8").splitlines():
        claim = json.loads(line)
        found = engine.search(claim["sentence"], bearing.PASSAGES)
        status = checker.check(claim["sentence"], found).status.replace("quoted", "supported")
        pair = STATUSES.index(claim["label"]), STATUSES.index(status)
        said[claim["reading"] in READINGS].append(pair)
    for of_readings, pairs in said.items():
        title = "the two readings" if of_readings else "the papers"
        report(f"plain claims about {title}, {len(pairs)}", *np.array(pairs).T)


def keep(features, labels):
    """Write the weights made from all claims."""
    names = ("mean", "scale", "weights", "bias")
    kept = {n: a.round(4).tolist() for n, a in zip(names, fit(features, labels), strict=True)}
    kept["bias"][STATUSES.index("supported")] += LEANING
    text = json.dumps({"features": bearing.FEATURES, "statuses": STATUSES} | kept)
    Path(bearing.__file__).with_name("bearing.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]), "--write" in sys.argv[2:])
    else:
        plain(Settings.load(None))
