"""A small model of our own that judges a pair of texts: BERT over both (Devlin et al. 2019).

Its word vectors are those of all-MiniLM-L6-v2, whose package is there anyway; the layers come with the
project, in 8 bits.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedders.bert_onnx import WORDS, pair_session, read_safetensors
from rag.embedders.minilm import package_folder

MOST_PIECES = 160
"""Word pieces of a pair; what is longer loses its end, the first text keeping at most three fifths."""

_REMEMBERED = 2048
"""Pairs whose judgement is kept."""

_MOST_FIRST = 96
_MOST_CHARACTERS = 900

Ids = tuple[list[int], int]
"""A pair's word pieces, and at which of them the second text begins."""


class Pieces:
    """Pairs of texts as the model reads them: [CLS] first [SEP] second [SEP]."""

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

    def of(self, first: str, second: str) -> Ids:
        """One pair; at most ``MOST_PIECES``."""
        one, other = self._ids(first)[:_MOST_FIRST], self._ids(second)
        begun = [self._opening, *one, self._parting]
        return [*begun, *other[: MOST_PIECES - len(begun) - 1], self._parting], len(begun)

    def _ids(self, text: str) -> list[int]:
        # The tokenizer rejects lone surrogates, which broken PDFs and programs do produce.
        clean = text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
        return list(self._tokenizer.encode(clean, add_special_tokens=False).ids)


class PairModel:
    """Judges pairs; threads may share it. The model is read when the first pair comes."""

    def __init__(self, weights: Path) -> None:
        """``weights`` are what tests/benchmarks/entailment.py kept."""
        self._path = weights
        self._opening = Lock()
        # A sentence is compared with what it cites, and again with what else was found.
        self._seen = lru_cache(maxsize=_REMEMBERED)(self._odds)

    def logarithms(self, first: str, seconds: Sequence[str]) -> NDArray[np.float64]:
        """Of each label's probability for each pair, shape (seconds, labels)."""
        if not seconds:
            return np.zeros((0, 0))
        odds = np.array([self._seen(first, second) for second in seconds])
        odds -= odds.max(axis=1, keepdims=True)
        return np.asarray(odds - np.log(np.exp(odds).sum(axis=1, keepdims=True)))

    def _odds(self, first: str, second: str) -> NDArray[np.float64]:
        with self._opening:  # of two who ask first one reads the weights
            pieces, shared, session = self._pieces, self._shared, self._session
        ids, start = pieces.of(first, second)
        segments = (np.arange(len(ids)) >= start).astype(np.int64)[None]
        (odds,) = session.run(None, {"words": shared[WORDS][ids][None], "segments": segments})
        return np.asarray(odds[0], np.float64)

    @cached_property
    def _pieces(self) -> Pieces:
        return Pieces.load()

    @cached_property
    def _shared(self) -> dict[str, NDArray[np.float32]]:
        """The tensors of all-MiniLM-L6-v2, mapped from disk: only the words that come are read."""
        return read_safetensors(package_folder() / "model.safetensors")

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401 - onnxruntime carries no types
        with np.load(self._path, allow_pickle=False) as kept:
            own = _Whole(dict(kept))
        return pair_session(package_folder(), ChainMap(own, self._shared))


class _Whole(dict[str, NDArray[Any]]):
    """Weights that are kept in 8 bits with a scale a row, each made whole only as it is looked at:
    all at once they would take four times the memory.
    """

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        whole = super().__getitem__(name).astype(np.float32)
        return whole * super().__getitem__(f"{name}.scale") if f"{name}.scale" in self else whole
