"""Whether a sentence bears a claim out, contradicts it, or neither.

The task is that of Bowman et al., SNLI (2015): entailment, contradiction, neutral. The model is trained
on claims and evidence by tests/benchmarks/entailment.py, which lists its data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.pair_model import PairModel

LABELS = ("entailment", "contradiction", "neutral")
"""What a pair is judged to be, in the order of the model's columns."""

_WEIGHTS = Path(__file__).with_name("entailment.npz")


class Entailment:
    """Judges claims by evidence; threads may share it."""

    def __init__(self, weights: Path = _WEIGHTS) -> None:
        self._model = PairModel(weights)

    def judge(self, claim: str, evidence: Sequence[str]) -> NDArray[np.float64]:
        """Logarithms of the probabilities of LABELS, shape (evidence, 3)."""
        return self._model.logarithms(claim, evidence).reshape(-1, len(LABELS))
