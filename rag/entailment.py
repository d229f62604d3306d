"""Whether a sentence bears a claim out, contradicts it, or neither: a small model of our own.

BERT over the pair (Devlin et al. 2019), begun from the weights of all-MiniLM-L6-v2, whose word vectors
it shares, and trained on claims and evidence by tests/benchmarks/entailment.py, which lists its data.
The task is that of Bowman et al., SNLI (2015): entailment, contradiction, neutral.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedders.bert_onnx import pair_session, read_safetensors
from rag.embedders.minilm import package_folder

LABELS = ("entailment", "contradiction", "neutral")
"""What a pair is judged to be, in the order of the model's columns."""

MOST_PIECES = 160
"""Word pieces of a pair; what is longer loses its end, the claim keeping at most three fifths."""

_REMEMBERED = 2048
"""Pairs whose judgement is kept."""

_MOST_CLAIM = 96
_MOST_CHARACTERS = 900
_WEIGHTS = Path(__file__).with_name("entailment.npz")

Ids = tuple[list[int], int]
"""A pair's word pieces, and at which of them the evidence begins."""


class Pieces:
    """Pairs of texts as the model reads them: [CLS] claim [SEP] evidence [SEP]."""

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - tokenizers carries no types
        self._tokenizer = tokenizer
        self._opening, self._parting = (tokenizer.token_to_id(one) for one in ("[CLS]", "[SEP]"))

    @classmethod
    def load(cls) -> Pieces:
        """Those of all-MiniLM-L6-v2. Raises PluginError where its package is missing."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(package_folder() / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(tokenizer)

    def of(self, claim: str, evidence: str) -> Ids:
        """One pair; at most ``MOST_PIECES``."""
        said, found = self._ids(claim)[:_MOST_CLAIM], self._ids(evidence)
        first = [self._opening, *said, self._parting]
        return [*first, *found[: MOST_PIECES - len(first) - 1], self._parting], len(first)

    def _ids(self, text: str) -> list[int]:
        # The tokenizer rejects lone surrogates, which broken PDFs and programs do produce.
        clean = text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
        return list(self._tokenizer.encode(clean, add_special_tokens=False).ids)


class Entailment:
    """Judges pairs; threads may share it. The model is read when the first pair comes."""

    def __init__(self, weights: Path = _WEIGHTS) -> None:
        self._path = weights
        # A written sentence is compared with what it cites, and again with what else was found.
        self._seen = lru_cache(maxsize=_REMEMBERED)(self._odds)

    def judge(self, claim: str, evidence: Sequence[str]) -> NDArray[np.float64]:
        """Logarithms of the probabilities of LABELS, shape (evidence, 3)."""
        odds = np.reshape([self._seen(claim, text) for text in evidence], (-1, len(LABELS)))
        odds -= odds.max(axis=1, keepdims=True)
        return np.asarray(odds - np.log(np.exp(odds).sum(axis=1, keepdims=True)))

    def _odds(self, claim: str, evidence: str) -> NDArray[np.float64]:
        pieces, second = self._pieces.of(claim, evidence)
        ids = np.array([pieces], np.int64)
        segments = (np.arange(len(pieces)) >= second).astype(np.int64)[None]
        (odds,) = self._session.run(None, {"ids": ids, "segments": segments})
        return np.asarray(odds[0], np.float64)

    @cached_property
    def _pieces(self) -> Pieces:
        return Pieces.load()

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401 - onnxruntime carries no types
        folder = package_folder()
        shared = read_safetensors(folder / "model.safetensors")
        with np.load(self._path, allow_pickle=False) as kept:
            own = {
                name: _whole(kept[name], kept.get(f"{name}.scale"))
                for name in kept.files
                if not name.endswith(".scale")
            }
        return pair_session(folder, {**shared, **own})


def _whole(values: NDArray[Any], scale: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """A weight as it was before it was kept in 8 bits."""
    whole = values.astype(np.float32)
    return whole if scale is None else whole * scale
