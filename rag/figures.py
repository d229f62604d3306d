"""The figures of an evaluation: means of marks with bootstrap intervals, and paired differences.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the percentile interval.
Questions are what is resampled. An interval cannot see what the sample lacks: that of a figure
of 0 or 1 has no width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.marks import Marks
from rag.questions import ALL, UNANSWERABLE

RESAMPLES = 2000
SEED = 1993
CONFIDENCE = 95
"""Per cent."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean, or a difference of two, and the ends of its interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low > 0 or self.high < 0

    @property
    def signed(self) -> str:
        """The figure as text with a plus where it has no minus, as a difference is shown."""
        mean, low, high = (_short(value, "+") for value in (self.mean, self.low, self.high))
        return f"{mean} [{low} {high}]"

    def __str__(self) -> str:
        return f"{_short(self.mean)} [{_short(self.low)} {_short(self.high)}]"


@dataclass(frozen=True, slots=True)
class Group:
    """The figures over the questions of one type, or over all: by name, over ``count`` questions.

    A figure that applies to some of them only is the mean over those.
    """

    name: str
    count: int
    figures: Mapping[str, Figure]


def figures(marks: Sequence[Marks]) -> tuple[Group, ...]:
    """The figures in all, by type in the order they occur, and of the unanswerable questions."""
    return tuple(
        Group(name, len(members), _means(members)) for name, members in _groups(marks).items()
    )


def differences(first: Sequence[Marks], second: Sequence[Marks]) -> tuple[Group, ...]:
    """``second`` minus ``first`` over the questions that both have, grouped as in ``figures``."""
    partner = {marks.question.question_id: marks for marks in second}
    paired = [marks for marks in first if marks.question.question_id in partner]
    return tuple(
        Group(
            name,
            len(members),
            _paired(members, [partner[marks.question.question_id] for marks in members]),
        )
        for name, members in _groups(paired).items()
    )


def _groups(marks: Sequence[Marks]) -> dict[str, list[Marks]]:
    answerable = [one for one in marks if one.question.answerable]
    others = [one for one in marks if not one.question.answerable]
    groups = {ALL: answerable} if answerable else {}
    for one in answerable:
        groups.setdefault(one.question.kind, []).append(one)
    return groups | ({UNANSWERABLE: others} if others else {})


def _names(marks: Sequence[Marks]) -> list[str]:
    """The figures that apply to any of the questions, in the order they are marked."""
    return list(dict.fromkeys(name for one in marks for name in one.values))


def _table(marks: Sequence[Marks], names: Sequence[str]) -> Floats:
    """One row a question, one column a figure; NaN where it does not apply."""
    return np.array([[one.values.get(name, np.nan) for name in names] for one in marks])


def _means(marks: Sequence[Marks]) -> dict[str, Figure]:
    names = _names(marks)
    table = _table(marks, names)
    return _with_intervals(names, np.nanmean(table, axis=0), _resampled(table))


def _paired(first: Sequence[Marks], second: Sequence[Marks]) -> dict[str, Figure]:
    names = [name for name in _names(first) if name in _names(second)]
    before, after = _table(first, names), _table(second, names)
    # Both tables have as many rows, so the seed draws the same questions for both.
    return _with_intervals(
        names,
        np.nanmean(after, axis=0) - np.nanmean(before, axis=0),
        _resampled(after) - _resampled(before),
    )


def _resampled(table: Floats) -> Floats:
    """The column means of resamples of the rows, shape (resamples, columns), without NaN cells.

    How often each row is drawn is multinomial, which spares an array of the drawn rows. NaN
    where a resample has no cell that applies.
    """
    count = len(table)
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    weights = draws.astype(np.float64)
    applies = ~np.isnan(table)
    totals = weights @ np.where(applies, table, 0.0)
    sizes = weights @ applies.astype(np.float64)
    return np.divide(totals, sizes, out=np.full_like(totals, np.nan), where=sizes > 0)


def _with_intervals(names: Sequence[str], means: Floats, resampled: Floats) -> dict[str, Figure]:
    tail = (100 - CONFIDENCE) / 2
    low, high = np.nanpercentile(resampled, [tail, 100 - tail], axis=0)
    return {
        name: Figure(float(means[at]), float(low[at]), float(high[at]))
        for at, name in enumerate(names)
    }


def _short(value: float, sign: str = "-") -> str:
    """Two decimals without the zero before the point; one is as wide: .84, 1.0, -.06.

    ``sign`` is that of a format: with "+" a positive value bears one. Nothing bears one at .00.
    """
    rounded = f"{value:{sign}.2f}"
    if rounded.endswith("0.00"):
        return ".00"
    return rounded.replace("1.00", "1.0") if "1.00" in rounded else rounded.replace("0.", ".")
