"""The space in which a PDF draws: y goes up, and what is drawn inside a form is moved by a matrix."""

from __future__ import annotations

from collections.abc import Sequence

Corners = tuple[float, float, float, float]
"""Left, bottom, right, top; or x0, y0, x1, y1 where it is said that y goes down."""

Matrix = Sequence[float]
"""A transformation: (x, y) becomes (a x + c y + e, b x + d y + f)."""

UNMOVED = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def times(m: Matrix, n: Matrix) -> tuple[float, float, float, float, float, float]:
    """What doing ``m`` and then ``n`` does."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )
