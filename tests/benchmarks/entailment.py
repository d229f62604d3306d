"""Trains rag/entailment.npz: the model that tells whether a sentence bears a claim out.

``python -m tests.benchmarks.entailment DATA PAPERS FOLDER``: from the weights of all-MiniLM-L6-v2,
first on what people wrote for other sentences and on sentences said again (tests/benchmarks/
claim_pairs.py lists the sets; DATA holds their files, PAPERS the PDFs of the 13 papers), then on the
claims of tests/questions/checker_claims.jsonl and checker_claims_more.jsonl. FOLDER gets three models in
the form that rag/entailment.py reads: ``without_0.npz`` and ``without_1.npz``, each trained without the
claims of one half of the papers, to be judged by them, and ``all.npz``. From that one a last stage goes on
to claims as students write them (tests/benchmarks/plain_pairs.py): ``plain.npz`` is what the project
keeps. On the processor: some two hours on two cores.

The word and position vectors stay as they are, so that they need not be kept twice.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn
from transformers import BertModel

from rag.chunking import chunk_pages
from rag.embedders.minilm import MiniLm, package_folder
from rag.entailment import LABELS
from rag.pair_model import Pieces
from rag.parsers.liteparse import LiteparseParser
from rag.sentences import sentences
from rag.title_page import TitlePage
from rag.types import Reading
from tests.benchmarks.claim_pairs import HALVES, claims, pairs
from tests.benchmarks.plain_pairs import Text, plain_pairs

SEED = 0
KEPT_BACK = 2000
BATCH = 32
FIRST, THEN, LAST = (3e-4, 2), (2e-4, 3), (1.5e-4, 2)
"""Learning rate and epochs."""

AGAIN = 2000
"""How many pairs of the first stage are seen again in the second."""

REFERENCES = re.compile(r"(?:\W|\d)*(?:references|bibliography)", re.I)

SPREAD = 4.0
"""The mean over the words is small: this brings it to where a linear layer learns."""


class PairModel(nn.Module):
    """BERT over claim and evidence, the mean of its words, and a linear layer."""

    def __init__(self, folder: Path, labels: int = len(LABELS)) -> None:
        super().__init__()
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(self.bert.config.hidden_size, labels)
        embeddings = self.bert.embeddings
        for layer in (embeddings.word_embeddings, embeddings.position_embeddings):
            layer.weight.requires_grad_(False)

    def forward(self, ids, mask, kinds):
        words = self.bert(
            input_ids=ids, attention_mask=mask, token_type_ids=kinds
        ).last_hidden_state
        mean = (words * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(self.drop(mean.float()) * SPREAD)


def train(model, data, pieces, rate, epochs, chance):
    """Adam over batches of like length; the rate rises, then falls to nothing."""
    model.train()
    learnt = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, rate, weight_decay=0.01)
    texts = [pieces.of(claim, evidence) for claim, evidence, _ in data]
    labels = torch.tensor([label for *_, label in data])
    steps = epochs * -(-len(data) // BATCH)
    plan = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps + epochs, pct_start=0.06, anneal_strategy="linear"
    )
    mean = 0.0
    for step, rows in enumerate(batches([len(ids) for ids, _ in texts], epochs, chance), 1):
        with torch.autocast("cpu", torch.bfloat16):
            odds = model(*padded([texts[row] for row in rows]))
            loss = nn.functional.cross_entropy(odds.float(), labels[rows], label_smoothing=0.05)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        plan.step()
        mean = 0.98 * mean + 0.02 * loss.item()
        if step % 100 == 0:
            print(f"  {step} of {steps}: loss {mean / (1 - 0.98**step):.3f}", flush=True)


def batches(lengths, epochs, chance):
    """Rows of like length together, drawn from pools of fifty batches."""
    for _ in range(epochs):
        rows = chance.permutation(len(lengths)).tolist()
        for start in range(0, len(rows), BATCH * 50):
            pool = sorted(rows[start : start + BATCH * 50], key=lengths.__getitem__)
            parts = [pool[at : at + BATCH] for at in range(0, len(pool), BATCH)]
            yield from (parts[at] for at in chance.permutation(len(parts)))


def padded(pairs):
    """Ids, mask and segment of each piece, three tensors of shape (pairs, longest)."""
    width = max(len(ids) for ids, _ in pairs)
    ids, mask, segments = (torch.zeros((len(pairs), width), dtype=torch.int64) for _ in range(3))
    for row, (pieces, second) in enumerate(pairs):
        ids[row, : len(pieces)] = torch.tensor(pieces)
        mask[row, : len(pieces)] = 1
        segments[row, second : len(pieces)] = 1
    return ids, mask, segments


def judgements(model, data, pieces):
    """What the model makes of each pair, shape (pairs, labels), and the labels."""
    model.eval()
    texts = [pieces.of(first, second) for first, second, _ in data]
    odds = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(texts), 64):
            odds += model(*padded(texts[start : start + 64])).float().tolist()
    return np.array(odds), np.array([label for *_, label in data])


def judged(model, data, pieces):
    """The share judged rightly, and of each label."""
    odds, labels = judgements(model, data, pieces)
    right = odds.argmax(1) == labels
    shares = ", ".join(f"{name} {right[labels == at].mean():.2f}" for at, name in enumerate(LABELS))
    return f"{right.mean():.3f} of {len(data)} ({shares})"


def keep(model, path):
    """The learnt weights; matrices in 8 bits, a scale for each of their rows."""
    kept = {}
    state = {
        name.removeprefix("bert."): value.numpy() for name, value in model.state_dict().items()
    }
    state["head.weight"] = state["head.weight"] * SPREAD
    for name, value in state.items():
        if name.endswith(("word_embeddings.weight", "position_embeddings.weight", "position_ids")):
            continue
        if value.ndim == 2 and name.startswith("encoder."):
            scale = np.abs(value).max(axis=1, keepdims=True) / 127
            kept[f"{name}.scale"] = scale.astype(np.float32)
            value = np.rint(value / scale).astype(np.int8)
        kept[name] = value
    np.savez(path, **kept)


def paper_chunks(folder):
    """(path, chunk) of each chunk of prose of the PDFs."""
    count = MiniLm(package_folder()).count_tokens
    for path in sorted(folder.glob("*.pdf")):
        reading = Reading(path.stem, path.stem, (), None, "", "", "paper", "", path)
        for chunk in chunk_pages(reading, LiteparseParser().read(path), count, 256):
            if chunk.window.kind != "table":
                yield path, chunk


def split(text):
    """The text's sentences."""
    return tuple(text[start:end] for start, end in sentences(text))


def second(first, without, again, pieces, path):
    """The model of the first stage trained on claims, and kept."""
    torch.manual_seed(SEED)
    model = PairModel(package_folder())
    model.load_state_dict(first)
    left = sorted({paper for half in HALVES for paper in half} - set(without))
    if without:
        print("before:", judged(model, claims(left, Random(SEED), near=0.0), pieces))
    chance = np.random.default_rng(SEED)
    train(model, [*claims(without, Random(SEED)), *again], pieces, *THEN, chance)
    if without:
        print("after:", judged(model, claims(left, Random(SEED), near=0.0), pieces))
    keep(model, path)


def last(start: Path, texts: list[Text], pieces, path: Path) -> None:
    """The model that was kept, trained on plain claims, and kept."""
    torch.manual_seed(1)
    model = PairModel(package_folder())
    model.load_state_dict(restored(start))
    train(model, plain_pairs(texts), pieces, *LAST, np.random.default_rng(1))
    keep(model, path)


def restored(path):
    """The state of a model that was kept, frozen word vectors included."""
    state = PairModel(package_folder()).state_dict()
    with np.load(path) as kept:
        for name in (name for name in kept.files if not name.endswith(".scale")):
            value = torch.tensor(kept[name].astype(np.float32))
            if f"{name}.scale" in kept.files:
                value *= torch.tensor(kept[f"{name}.scale"])
            if name == "head.weight":
                value /= SPREAD
            state[name if name.startswith("head.") else f"bert.{name}"] = value
    return state


def plain_texts(papers: Path, abstracts: Path) -> list[Text]:
    """What the papers' windows of prose and the abstracts say, references left out."""
    titles = {path: TitlePage.read(path).title for path in papers.glob("*.pdf")}
    found = {}
    for path, chunk in paper_chunks(papers):
        window = chunk.window
        if not any(REFERENCES.match(heading) for heading in window.section):
            found[window.window_id] = Text(titles[path], path.stem, split(window.text))
    for line in abstracts.read_text("utf-8").splitlines():
        item = json.loads(line)
        found[line] = Text(item["title"], "abstracts", split(item["text"]))
    return list(found.values())


def main(data: Path, papers: Path, folder: Path) -> None:
    """Train and keep the models."""
    torch.manual_seed(SEED)
    pieces = Pieces.load()
    found = pairs(data, [split(chunk.window.text) for _, chunk in paper_chunks(papers)])
    back, rest = found[:KEPT_BACK], found[KEPT_BACK:]
    stage = folder / "first.pt"
    if not stage.exists():
        model = PairModel(package_folder())
        train(model, rest, pieces, *FIRST, np.random.default_rng(SEED))
        print("first stage, kept back:", judged(model, back, pieces))
        torch.save(model.state_dict(), stage)
    first = torch.load(stage)
    for number, half in enumerate(HALVES):
        second(first, half, rest[:AGAIN], pieces, folder / f"without_{number}.npz")
    second(first, (), rest[:AGAIN], pieces, folder / "all.npz")
    texts = plain_texts(papers, data / "corpus.jsonl")
    last(folder / "all.npz", texts, pieces, folder / "plain.npz")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
