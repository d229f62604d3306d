"""Pairs of a claim and what is said, to train rag/entailment.npz on: written by people, or altered here.

``pairs(folder)`` takes from ``folder`` these files, each as its source spreads it:

- ``mnli_dev.csv``: the development sets of MultiNLI (Williams et al. 2018), and ``snli_dev.csv``: that
  of SNLI (Bowman et al. 2015, CC BY-SA 4.0), both with the columns premise, hypothesis, label;
- ``snli_counterfactual.tsv``: all of Kaushik et al. 2020 (NLI/all_combined/train.tsv of
  github.com/acmi-lab/counterfactually-augmented-data), columns sentence1, sentence2, gold_label;
- ``climate-fever.jsonl``: Diggelmann et al. 2020;
- ``claims_train.jsonl`` and ``corpus.jsonl``: SciFact (Wadden et al. 2020; claims CC BY 4.0, abstracts
  ODC-By).

The sentences of SciFact's abstracts and of the papers' pages are said again with small changes: some
leave it true (shorter, other words), some turn it (another number, name, direction, quantity, denial).
``claims()`` are those of tests/questions/checker_claims.jsonl and checker_claims_more.jsonl, each
written for a sentence of a paper.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag.sentences import sentences

SUPPORTED, UNSUPPORTED, NEITHER = 0, 1, 2
LABELS = {"entailment": SUPPORTED, "contradiction": UNSUPPORTED, "neutral": NEITHER}
VERDICTS = {"SUPPORTS": SUPPORTED, "REFUTES": UNSUPPORTED, "NOT_ENOUGH_INFO": NEITHER}
STATUSES = {"supported": SUPPORTED, "unsupported": UNSUPPORTED, "not_in_readings": NEITHER}
QUESTIONS = Path(__file__).parent.parent / "questions"
CLAIMS = QUESTIONS / "checker_claims.jsonl", QUESTIONS / "checker_claims_more.jsonl"
HALVES = (
    ("alce", "cgo25-robustness", "codet", "deepseek-r1", "theoremqa", "mtrag-un"),
    ("pasa", "mcts-survey", "wizardcoder", "deepseekmath-v2", "chain-of-thought", "deepseek-v2",
     "config-performance-survey"),
)  # fmt: skip
"""The papers whose claims a model is kept from, so that it can be judged by them."""

ABSTRACTS = 2000
"""How many of SciFact's abstracts have a sentence said again."""

Pair = tuple[str, str, int]
"""Claim, evidence, label."""

TURNS = [
    pair.split("/")
    for pair in ["higher/lower", "more/less", "larger/smaller", "greater/fewer", "better/worse", "longer/shorter", "faster/slower", "stronger/weaker", "above/below", "over/under", "increases/decreases", "increase/decrease", "increased/decreased", "improves/degrades", "improve/hurt", "improved/reduced", "outperforms/underperforms", "gains/losses", "rises/falls", "before/after", "first/last", "highest/lowest", "best/worst", "largest/smallest", "most/least", "with/without", "includes/excludes", "same/different", "positive/negative", "easy/hard", "simple/complex", "high/low", "long/short", "early/late", "strong/weak", "maximum/minimum", "upper/lower", "supervised/unsupervised", "encoder/decoder", "training/test", "open/closed", "added/removed", "adding/removing", "success/failure", "succeeds/fails", "sufficient/insufficient", "significant/negligible", "similar/dissimilar", "frequently/rarely", "always/never", "ahead/behind", "majority/minority", "superior/inferior", "agree/disagree", "available/unavailable", "independent/dependent", "input/output", "ascending/descending", "automatic/manual", "automatically/manually"]
]  # fmt: skip
TURNED = {a: b for pair in TURNS for a, b in (pair, pair[::-1])}
OVERDONE = {
    "some": "all", "many": "all", "most": "all", "often": "always", "usually": "always", "may": "must",
    "can": "always", "might": "will", "suggests": "proves", "suggest": "prove", "several": "all",
    "mostly": "only", "mainly": "only", "largely": "entirely", "partly": "fully", "nearly": "more than",
    "almost": "more than", "approximately": "exactly", "possible": "certain", "generally": "always",
    "one of the": "the only", "among the": "the very", "at most": "at least", "at least": "at most",
    "up to": "at least", "comparable": "far superior", "slightly": "vastly", "potential": "proven",
}  # fmt: skip
SAME = {
    "we": "the authors", "our": "their", "use": "rely on", "uses": "relies on", "utilize": "use",
    "approximately": "about", "about": "roughly", "however,": "", "therefore,": "", "thus,": "",
    "demonstrate": "show", "demonstrates": "shows", "show": "find", "shows": "reveals",
    "achieves": "reaches", "achieve": "reach", "obtain": "get", "obtains": "gets", "propose": "introduce",
    "proposed": "introduced", "significantly": "clearly", "furthermore,": "", "moreover,": "",
    "additionally,": "", "outperforms": "does better than", "outperform": "beat", "improves": "raises",
    "increases": "goes up", "decreases": "goes down", "consists of": "is made up of", "method": "approach",
    "methods": "techniques", "in order to": "to", "due to": "because of", "such as": "like",
    "a variety of": "several", "contains": "has", "contain": "hold", "require": "need",
    "requires": "needs", "evaluate": "test", "evaluated": "tested", "large": "big", "employ": "use",
    "select": "choose", "selected": "chosen", "construct": "build", "constructed": "built",
    "generate": "produce", "generates": "produces", "remove": "drop", "removed": "dropped",
    "percent": "%", "additional": "further", "obtained": "got", "perform": "carry out",
    "only": "just", "more than": "over", "less than": "under", "performance": "results",
    "leads to": "results in", "enables": "lets", "allows": "lets", "multiple": "several",
    "associated with": "linked to", "identify": "find", "identified": "found", "investigate": "study",
    "reduced": "cut", "reduces": "cuts", "improve": "raise", "difficult": "hard", "effective": "useful",
}  # fmt: skip
SPELT = {
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "10": "ten",
}
VERB = re.compile(r"\b(is|are|was|were|can|could|will|would|should|has been|have been)\b(?! not)")
NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w,-])")
NAME = re.compile(
    r"\b(?:[A-Z][a-z]+[A-Z0-9]\w*|[A-Z]{2,}[\w-]*|[A-Z][a-z]+(?:-[A-Z0-9]\w*)+)\b|(?<=[a-z,] )[A-Z][a-z]{3,}\b"
)
CITED = re.compile(r"\s*(?:\[[\d,\s–-]+\]|\((?:[^()]*\d{4}[a-z]?[^()]*)\))")


def pairs(folder: Path, papers: Sequence[Sequence[str]]) -> list[Pair]:
    """All that is not ours, in an order that does not depend on the machine. ``papers`` holds, for
    each text of the papers, its sentences.
    """
    chance = random.Random(0)
    abstracts = list(_abstracts(folder / "corpus.jsonl"))
    found = [
        *_inference(folder / "mnli_dev.csv", ",", "premise", "hypothesis", "label"),
        *_inference(folder / "snli_dev.csv", ",", "premise", "hypothesis", "label"),
        *_inference(
            folder / "snli_counterfactual.tsv", "\t", "sentence1", "sentence2", "gold_label"
        ),
        *_climate(folder / "climate-fever.jsonl"),
        *_scifact(folder / "claims_train.jsonl", chance),
    ]
    for text in [*papers, *chance.sample(abstracts, ABSTRACTS)]:
        found += _said_again(text, chance)
    found = list(dict.fromkeys((claim[:600], text[:900], label) for claim, text, label in found))
    chance.shuffle(found)
    return found


def claims(without: Sequence[str], chance: random.Random, near: float = 0.35) -> list[Pair]:
    """Each claim with the sentence it was written for, and a share with one that stands ``near`` it.

    The claims of the papers in ``without`` are left out.
    """
    by_paper = defaultdict(list)
    for line in (line for path in CLAIMS for line in path.read_text("utf-8").splitlines()):
        claim = json.loads(line)
        if claim["reading"] not in without:
            by_paper[claim["reading"]].append(claim)
    found = []
    for rows in by_paper.values():
        for at, row in enumerate(rows):
            found.append((row["sentence"], row["evidence"][:900], STATUSES[row["label"]]))
            beside = rows[max(at - 15, 0) : at + 16]
            others = [o["evidence"] for o in beside if o["evidence"] != row["evidence"]]
            if others and chance.random() < near:
                found.append((row["sentence"], chance.choice(others)[:900], NEITHER))
    return found


def _inference(path: Path, delimiter: str, said: str, claim: str, label: str) -> Iterator[Pair]:
    """What people wrote for a sentence."""
    quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter=delimiter, quoting=quoting):
            if row[label] in LABELS and len(row[said]) < 400:
                yield row[claim], row[said], LABELS[row[label]]


def _climate(path: Path) -> Iterator[Pair]:
    """Claims found on the internet, with sentences of an encyclopedia on which its judges agree."""
    for line in path.read_text("utf-8").splitlines():
        item = json.loads(line)
        for evidence in item["evidences"]:
            if evidence["entropy"] < 0.69 and evidence["evidence_label"] in VERDICTS:
                label = VERDICTS[evidence["evidence_label"]]
                yield item["claim"], evidence["evidence"].strip('"'), label


def _abstracts(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        text = json.loads(line)["text"]
        yield [text[start:end] for start, end in sentences(text)]


def _scifact(path: Path, chance: random.Random) -> Iterator[Pair]:
    """Claims with the sentences that bear on them, and with others of the same abstract."""
    labels = {"supported": SUPPORTED, "contradicted": UNSUPPORTED}
    for line in path.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        others = [text for text in item["abstract"] if text not in item["evidence"]]
        for text in item["evidence"]:
            yield item["claim"], text, labels[item["label"]]
        for text in chance.sample(others, min(len(others), 1 if item["evidence"] else 2)):
            yield item["claim"], text, NEITHER


def _said_again(text: Sequence[str], chance: random.Random) -> Iterator[Pair]:
    """A sentence of the text as true, wrong and unborne claims."""
    good = [at for at, one in enumerate(text) if prose(one)]
    if len(good) < 2:
        return
    at = chance.choice(good)
    sentence, whole = text[at], " ".join(text)
    evidence = chance.choice([sentence, " ".join(text[max(at - 1, 0) : at + 1])])
    wrong = wrongs(sentence, whole, chance)
    if wrong:
        yield same(chance.choice(wrong), chance), evidence, UNSUPPORTED
    yield same(sentence, chance), evidence, SUPPORTED
    other = text[chance.choice([one for one in good if one != at])]
    if other not in evidence and chance.random() < 0.6:
        yield same(other, chance), evidence, NEITHER


def prose(sentence: str) -> bool:
    """Whether it is a sentence as people write them, and no entry of a list or a formula."""
    words = sentence.split()
    return 8 <= len(words) <= 45 and sum(word.islower() for word in words) > 0.6 * len(words)


def same(sentence: str, chance: random.Random) -> str:
    """The sentence shorter and in some other words, still true."""
    said = CITED.sub("", sentence)
    for word in chance.sample(sorted(SAME), len(SAME)):
        said = _replaced(said, word, SAME[word]) if chance.random() < 0.7 else said
    if chance.random() < 0.3:
        said = re.sub(r"\b(\d{1,2})\b(?=\s[a-z])", lambda m: SPELT.get(m[1], m[1]), said)
    first, comma, rest = said.partition(", ")
    if comma and len(rest.split()) >= 5 and len(first.split()) < 8 and chance.random() < 0.5:
        # What comes first may come last.
        said = f"{rest.rstrip('. ')}, {first[:1].lower()}{first[1:]}."
    return re.sub(r"\s+", " ", said).strip()


def wrongs(sentence: str, whole: str, chance: random.Random) -> list[str]:
    """The sentence with one thing in it turned, in each way that can be."""
    found = []
    for table in (TURNED, OVERDONE):
        words = [word for word in table if re.search(rf"\b{re.escape(word)}\b", sentence, re.I)]
        if words:
            word = chance.choice(words)
            found.append(_replaced(sentence, word, table[word]))
    if numbers := list(NUMBER.finditer(CITED.sub(lambda m: " " * len(m[0]), sentence))):
        match = chance.choice(numbers)
        found += [_put(sentence, match, _other_number(match[0], whole, chance))] * 2
    names, others = list(NAME.finditer(sentence)), sorted({*NAME.findall(whole)})
    if names and (others := [one for one in others if one not in sentence]):
        found.append(_put(sentence, chance.choice(names), chance.choice(others)))
    if len({match[0] for match in names}) > 1:
        left, right = names[0][0], next(m[0] for m in names if m[0] != names[0][0])
        swapped = sentence.replace(left, "\0").replace(right, left).replace("\0", right)
        found.append(swapped)
    if re.search(r"\bnot\b", sentence):
        found += [re.sub(r"\b(?:do|does|did)?\s?not\b\s?", "", sentence, count=1)] * 2
    elif match := VERB.search(sentence):
        found.append(f"{sentence[: match.end()]} not{sentence[match.end() :]}")
    return [one for one in found if one != sentence]


def _replaced(text: str, old: str, new: str) -> str:
    return re.sub(
        rf"(?<!\w){re.escape(old)}(?!\w)",
        lambda m: new[:1].upper() + new[1:] if m[0][:1].isupper() else new,
        text, count=1, flags=re.I,
    )  # fmt: skip


def _put(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


def _other_number(number: str, whole: str, chance: random.Random) -> str:
    """Another number of the text, or one near to it, written as it is."""
    others = [one for one in NUMBER.findall(whole) if one != number]
    if others and chance.random() < 0.4:
        return chance.choice(others)
    value, places = float(number.replace(",", "")), len(number.partition(".")[2])
    other = value * chance.choice([0.4, 0.5, 0.7, 0.8, 0.9, 1.1, 1.2, 1.5, 2, 3])
    other = round(other, places) if round(other, places) != value else value + 1
    return f"{other:,.{places}f}" if "," in number else f"{other:.{places}f}"
