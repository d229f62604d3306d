"""Pairs of a claim and what is said, as students write them: near the page's words as well as far.

``plain_pairs(texts)`` for the last stage of tests/benchmarks/entailment.py: all claims that were written
for a sentence of a paper (claim_pairs.CLAIMS, hard on purpose, and checker_claims_plain.jsonl, twice), and
sentences of the papers and of SciFact's abstracts cut short, as they are and with one thing turned. Half
of the time what is said comes with its title and parts of the sentences next to it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.benchmarks import claim_pairs
from tests.benchmarks.claim_pairs import (
    CITED,
    CLAIMS,
    NEITHER,
    QUESTIONS,
    STATUSES,
    SUPPORTED,
    UNSUPPORTED,
    Pair,
)

PLAIN = QUESTIONS / "checker_claims_plain.jsonl"
CUT_SHORT = 12000
LEAD = re.compile(
    r"^(?:(?:Notably|Additionally|However|Moreover|Furthermore|Specifically|In addition"
    r"|In this (?:paper|work|study)|Here|Therefore|Thus|Consequently|For (?:example|instance)"
    r"|In contrast|Interestingly|Overall|In total|Finally|First|Second|Hence),\s+)",
    re.I,
)
TAIL = re.compile(
    r",?\s+(?:which|while|whereas|where|with|including|such as|and|but|because|since|by|due to"
    r"|suggesting|indicating|compared (?:to|with))\s"
)
SURE_TAIL = re.compile(r",|\s+(?:which|while|whereas|because|since|suggesting|indicating|compared)")
VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|we|show|shows|achieves?|uses?|increases?|reduces?"
    r"|improves?|\w+ed)\b",
    re.I,
)


@dataclass(frozen=True)
class Text:
    """Sentences of a reading that follow each other. ``reading`` is "abstracts" for an abstract."""

    title: str
    reading: str
    sentences: tuple[str, ...]

    def around(self, at, sentence):
        """A sentence with the title and parts of those next to it."""
        before = self.sentences[at - 1] if at else ""
        after = self.sentences[at + 1] if at + 1 < len(self.sentences) else ""
        if squashed(after)[:40] in squashed(sentence):
            after = ""
        parts = (f"{self.title[:100]}.", before[-220:], sentence[:600], after[:220])
        return " ".join(filter(None, parts))[:900]


def plain_pairs(texts: Sequence[Text]) -> list[Pair]:
    """All pairs, in an order that does not depend on the machine."""
    chance = random.Random(1)
    hard = [json.loads(line) for path in CLAIMS for line in path.read_text("utf-8").splitlines()]
    plain = [json.loads(line) for line in PLAIN.read_text("utf-8").splitlines()]
    short = cut_short(texts, chance)
    beside = [pair for pair in claim_pairs.claims((), Random(2)) if pair[2] == NEITHER]
    found = [*written(hard, texts, chance), *beside, *written(plain * 2, texts, chance), *short]
    chance.shuffle(found)
    return [(claim[:600], text, label) for claim, text, label in found]


def written(claims: Sequence[dict[str, str]], texts: Sequence[Text], chance: Random):
    """Each claim with its evidence, half of them with what stands around it."""
    places: dict[str, list[tuple[str, Text, int]]] = {}
    for text in texts:
        for at, sentence in enumerate(text.sentences):
            places.setdefault(text.reading, []).append((squashed(sentence), text, at))
    for claim in claims:
        evidence = claim["evidence"][:900]
        if claim["label"] == "not_in_readings" or not evidence:
            continue
        if chance.random() < 0.5 and (place := found(evidence, places.get(claim["reading"], []))):
            evidence = place[0].around(place[1], evidence)
        yield claim["sentence"], evidence, STATUSES[claim["label"]]


def found(evidence, places):
    """Where the evidence stands, or nothing."""
    wanted = squashed(evidence)[:80]
    for sentence, text, at in places:
        if wanted[:60] in sentence or (len(sentence) > 30 and sentence in wanted):
            return text, at
    return None


def squashed(text):
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def cut_short(texts: Sequence[Text], chance: Random) -> list[Pair]:
    """Sentences cut short: true, mostly wrong too, and some with a sentence from elsewhere."""
    papers = [text for text in texts if text.reading != "abstracts"]
    pairs: list[Pair] = []
    while len(pairs) < CUT_SHORT:
        text = chance.choice(texts if chance.random() < 0.5 else papers)
        pairs += _of(text, chance)
    return pairs


def _of(text: Text, chance: Random) -> Iterator[Pair]:
    good = [
        at for at, one in enumerate(text.sentences) if claim_pairs.prose(one) and VERB.search(one)
    ]
    if not good:
        return
    at = chance.choice(good)
    name = text.title.split(":")[0]
    known = name if len(name.split()) <= 4 else "The authors"
    subject = chance.choice(["The authors", "The paper", known])
    true = cut(text.sentences[at], chance, subject)
    if len(true.split()) < 5:
        return
    if chance.random() < 0.4:
        true = claim_pairs.same(true, chance)
    alone = text.sentences[at][:900]
    said = text.around(at, alone) if chance.random() < 0.5 else alone
    yield true, said, SUPPORTED
    wrong = claim_pairs.wrongs(true, " ".join(text.sentences), chance)
    if wrong and chance.random() < 0.8:
        yield chance.choice(wrong), said, UNSUPPORTED
    others = [other for other in good if abs(other - at) > 2]
    if others and chance.random() < 0.12:
        yield cut(text.sentences[chance.choice(others)], chance, subject), said, NEITHER


def cut(sentence, chance, subject):
    """A shorter sentence that is true if the whole is."""
    sentence = LEAD.sub("", CITED.sub("", sentence))
    tails = [
        tail
        for tail in TAIL.finditer(sentence)
        if len(sentence[: tail.start()].split()) >= 6 and len(sentence[tail.end() :].split()) >= 2
    ]
    if tails and chance.random() < 0.8:
        tail = chance.choice(tails)
        # "by", "with" and "and" may begin what the rest needs, but not behind a comma.
        if SURE_TAIL.match(tail[0]):
            sentence = sentence[: tail.start()]
    if chance.random() < 0.8:
        sentence = re.sub(r"^We\b", subject, sentence)
        sentence = re.sub(r"^Our\b", "The", re.sub(r"\bour\b", "their", sentence))
        sentence = re.sub(r"\bwe\b", "they", sentence)
    sentence = sentence.strip().rstrip(".")
    return f"{sentence[:1].upper()}{sentence[1:]}."
