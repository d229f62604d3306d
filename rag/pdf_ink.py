"""Keeps pypdf from reading what a page writes without ink.

pypdf reads text and renders nothing: it can be told that text is painted with nothing, or in white
where nothing else has been painted yet, and not what lies over what.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

UNPAINTED = (3, 7)
"""The modes of rendering that leave no paint."""

_WHITE = 0.9  # of 1, the least of each colour in what cannot be told from paper
_FILLS = frozenset(
    (b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*", b"sh", b"Do", b"BI", b"INLINE IMAGE")
)
_COLOURS = {b"g": 1, b"rg": 3, b"k": 4}


@dataclass(slots=True)
class Ink:
    """Follows a page's program; ``before`` empties the texts that are written without ink.

    ``hidden`` counts the words of those texts, as well as that can be told.
    """

    hidden: int = 0
    _mode: int = 0
    _white: bool = False
    _painted: bool = False
    _kept: list[tuple[int, bool]] = field(default_factory=list)

    def before(self, operator: bytes, operands: Any, _cm: Any = None, _tm: Any = None) -> None:  # noqa: ANN401
        """See an operation that pypdf is about to carry out; it reads what is left of it."""
        with contextlib.suppress(IndexError, TypeError, ValueError):  # a damaged page's operands
            if operator == b"q":
                self._kept.append((self._mode, self._white))
            elif operator == b"Q":
                self._mode, self._white = self._kept.pop()
            elif operator == b"Tr":
                self._mode = int(operands[0])
            elif operator in _COLOURS:
                self._white = _is_white([float(part) for part in operands])
            elif operator in (b"cs", b"sc", b"scn"):
                self._white = False
            elif operator in _FILLS:
                self._painted = True
            elif operator in (b"Tj", b"TJ", b"'", b'"'):
                self._write(operands)

    def _write(self, operands: Any) -> None:  # noqa: ANN401
        if self._mode not in UNPAINTED and (not self._white or self._painted):
            return
        said = operands[-1]
        parts = said if isinstance(said, list) else [said]
        texts = [part for part in parts if isinstance(part, (str, bytes))]
        self.hidden += max(len(b"".join(_bytes(text) for text in texts).split()), 1)
        operands[-1] = [] if isinstance(said, list) else type(said)()


def _is_white(parts: list[float]) -> bool:
    """Whether a colour, as the operator for its space names it, is that of paper."""
    if len(parts) == 4:
        return max(parts) <= 1 - _WHITE
    return bool(parts) and min(parts) >= _WHITE


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")
