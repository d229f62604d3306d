"""Scores of one search, made comparable with those of another."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.floating[Any])


def min_max(scores: NDArray[Number]) -> NDArray[Number]:
    """Scores stretched to 0 … 1, shape and type kept; equal ones, and a single one, count 1."""
    if len(scores) == 0:
        return scores
    low, high = float(scores.min()), float(scores.max())
    if high == low:
        return np.ones_like(scores)
    return np.asarray((scores - low) / (high - low), dtype=scores.dtype)
