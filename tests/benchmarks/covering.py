"""Makes rag/covering.json: the weights by which a topic is called covered, mentioned or absent.

``RAG_INDEX=… RAG_CORPUS=… python -m tests.benchmarks.covering`` looks for the topics of
tests/questions/papers_topics.jsonl in the papers and fits two logistic regressions with an L2 penalty
by projected gradient descent from zero: no chance is in it, so there is no seed. No feature may speak
against a topic. Most cells of those labels are absent, far more than of a course's own topics: the
covered ones are weighed as if they made up two fifths. Figures are cross-validated by paper: each
paper's cells are judged by weights made from the others, and F1 is what it would be where so many are
covered. ``--write`` keeps the weights made from all; ``--topics FILE.jsonl`` judges others by them.

The index is to hold the papers (and may hold others).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from rag import covering
from rag.assembly import open_surveyor
from rag.console import lines
from rag.settings import Settings
from rag.topics import Topic

TOPICS = Path(__file__).parent.parent / "questions" / "papers_topics.jsonl"
SHARE = 0.4
PENALTY, STEPS, RATE = 1.0, 4000, 0.3
MEASURED = {"nearness alone": [0, 1], "shared words alone": [2], "all": [0, 1, 2]}


def fit(features, labels):
    """(weights, bias) on features of shape (cells, features); labels are true or false."""
    mean, scale = features.mean(0), features.std(0) + 1e-9
    x = (features - mean) / scale
    worth = np.where(labels, SHARE / labels.mean(), (1 - SHARE) / (1 - labels.mean()))
    weights, bias = np.zeros(x.shape[1]), 0.0
    for _ in range(STEPS):
        gap = (1 / (1 + np.exp(-(x @ weights + bias))) - labels) * worth
        weights = np.maximum(weights - RATE * (x.T @ gap + PENALTY * weights) / len(x), 0)
        bias -= RATE * gap.mean()
    return weights / scale, bias - (weights / scale) @ mean


def f1(said, labels, share=SHARE):
    """F1 of what is called so, as it would be if ``share`` of the cells were so."""
    right, wrong = share * said[labels].mean(), (1 - share) * said[~labels].mean()
    return 2 * right / (right + wrong + share)


def cross_validated(features, labels, papers):
    """Whether each cell is called so by weights made from the other papers."""
    said = np.zeros(len(labels), bool)
    for paper in sorted(set(papers)):
        out = papers == paper
        weights, bias = fit(features[~out], labels[~out])
        said[out] = features[out] @ weights + bias >= 0
    return said


def cells(surveyor, path):
    """(topic, reading, label, pages) of each labelled cell of readings that are here; its evidence."""
    found = []
    for line in lines(path):
        if line.strip():
            item = json.loads(line)
            evidence = surveyor.evidence(Topic(item["id"], item["topic"]))
            found += [
                (item["topic"], reading, cell["label"], cell["pages"], evidence[reading])
                for reading, cell in item["readings"].items()
                if reading in evidence
            ]
    return found


def report(title, said, labels):
    """Recall, false alarms and F1."""
    print(
        f"{title:38s} found {said[labels].mean():.3f}, false alarms {said[~labels].mean():.3f}, "
        f"F1 {f1(said, labels):.3f} at {SHARE:.0%}, {f1(said, labels, labels.mean()):.3f} as labelled "
        f"({labels.sum()} of {len(labels)})"
    )


def first_pages(surveyor, labelled):
    """For each covered cell whether the first page named is a labelled one."""
    return np.array(
        [
            surveyor.pages(found)[0] in pages
            for *_, label, pages, found in labelled
            if label == "covered"
        ]
    )


def main() -> None:
    """Print the figures; keep the weights if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--topics", type=Path)
    arguments = parser.parse_args()
    surveyor = open_surveyor(Settings.load(None))
    if arguments.topics:
        judge(surveyor, cells(surveyor, arguments.topics))
        return
    labelled = cells(surveyor, TOPICS)
    features = np.array([found.figures for *_, found in labelled])
    papers = np.array([reading for _, reading, *_ in labelled])
    labels = np.array([label for _, _, label, *_ in labelled])
    wanted = {"covered": labels == "covered", "mentioned": labels != "absent"}
    for name, yes in wanted.items():
        for title, columns in MEASURED.items():
            said = cross_validated(features[:, columns], yes, papers)
            report(f"{name}: {title}", said, yes)
    print(f"first page among the labelled: {first_pages(surveyor, labelled).mean():.3f}")
    if arguments.write:
        keep(features, wanted)


def judge(surveyor, labelled):
    """Other topics judged by the weights that are kept."""
    model = covering.Model.load()
    said = np.array([model.verdict(found.figures) for *_, found in labelled])
    labels = np.array([label for _, _, label, *_ in labelled])
    report("covered", said == "covered", labels == "covered")
    report("mentioned or covered", said != "absent", labels != "absent")
    print(f"three verdicts right: {(said == labels).mean():.3f}")
    print(f"first page among the labelled: {first_pages(surveyor, labelled).mean():.3f}")
    for (topic, reading, label, pages, found), verdict in zip(labelled, said, strict=True):
        if (verdict == "covered") != (label == "covered"):
            print(
                f"  {verdict:9s} is {label}: {topic} in {reading} {pages} {found.figures.round(2)}"
            )


def keep(features, wanted):
    """Write the weights made from all cells."""
    kept = {"features": covering.FEATURES}
    for name, yes in wanted.items():
        weights, bias = fit(features, yes)
        kept[name] = {"weights": weights.round(4).tolist(), "bias": round(bias, 4)}
    path = Path(covering.__file__).with_name("covering.json")
    path.write_text(json.dumps(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
