"""Text from a PDF or a person, for a line that people read."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """The text on one line, without the characters that steer a terminal or break a file."""
    kept = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)
    return " ".join(kept.split())
