"""The parts of a compound question, each of which may be answered in another reading."""

from __future__ import annotations

import re

from rag.terms import terms

_COMPOUND = re.compile(
    r"\bcompar|\bvs\b|\bversus\b|\bboth\b|,\s+and\s+(?:what|how|which|who|when|where|why)\b"
    r"|\bwhich is\b.*\bor\b|\?\s+\w+.*\band what\b",
    re.I,
)
_JOINS = re.compile(
    r"\bcompar|\bvs\b|\bversus\b|\bboth\b|\band\b|\bor\b|\beach\b|\bwhich of\b", re.I
)
_BETWEEN = re.compile(
    r"(?<=[?.;:])\s+|\s+(?:vs\.?|versus)\s+|,?\s+and\s+(?=what|how|which|who|when|where|why)"
    r"|,\s+|\s+or\s+",
    re.I,
)
_PIECES = re.compile(r"(?<=[?.;:!])\s+|\s+(?:vs\.?|versus|and|or)\s+|,\s+", re.I)
_MOST = 4


def joins(question: str) -> bool:
    """Whether a question may ask for several things: it has an "and", "or", "both", "compare" …"""
    return bool(_JOINS.search(question))


def clauses(question: str) -> list[str]:
    """The at most four parts of a question that asks for several things, or nothing for one that
    does not. A part has three terms or more: fewer do not say what is wanted.
    """
    if not _COMPOUND.search(question):
        return []
    parts = [part.strip() for part in _BETWEEN.split(question)]
    parts = [part for part in parts if len(terms(part)) >= 3]
    return parts[:_MOST] if len(parts) > 1 else []


def pieces(question: str) -> list[str]:
    """A question cut at each comma, "and", "or" and full stop; a piece has two terms or more."""
    return [piece for piece in _PIECES.split(question) if len(terms(piece)) >= 2]
