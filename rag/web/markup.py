"""Where text becomes HTML: what comes from a PDF, a person or an LLM is escaped here, and only here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString

from markupsafe import Markup


def fill(template: LiteralString, /, **parts: object) -> Markup:
    """The template, which is ours, with its ``{fields}`` escaped unless they are Markup."""
    return Markup(template).format(**{name: _shown(part) for name, part in parts.items()})


def joined(parts: Iterable[Markup], between: LiteralString = "") -> Markup:
    """Pieces of HTML behind each other."""
    return Markup(between).join(parts)


def on_a_line(text: str, most: int = 0) -> str:
    """The text with single spaces for white space, cut behind ``most`` characters (0: never)."""
    line = " ".join(text.split())
    return line if not most or len(line) <= most else line[: most - 1].rstrip() + "…"


def _shown(part: object) -> object:
    """A text without the characters that no page can show and no transport carries."""
    if not isinstance(part, str) or isinstance(part, Markup):
        return part
    return "".join(
        c if c in "\n\t" or c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}"
        for c in part
    )
