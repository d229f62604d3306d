"""Where the sentences of a text begin and end.

Made for papers: abbreviations, initials, decimal points, citations and enumerations do not end a
sentence there. Offsets, not copies, so that a quote can be boxed on its page.
"""

from __future__ import annotations

import re

_END = re.compile(r"[.!?][”\"')\]]*(?=\s+[“\"'(\[]*[A-Z0-9•–\\]|\s*$)|\n")
_ABBREVIATION = re.compile(
    r"(?:\b(?:et al|e\.g|i\.e|cf|vs|etc|resp|approx|Fig|Figs|Tab|Eq|Eqs|Sec|Secs|App|Ref|Refs|No|Nos"
    r"|Vol|pp?|Dr|Prof|St|Jr|Inc|al|ed|eds|w\.r\.t|a\.k\.a)|\b[A-Z])\.$",
)
_ITEM = re.compile(r"(?:^\s*|[:;,.]\s+)\(?\d{1,2}\.$")
_PLACE = re.compile(r"\b(?:Appendix|Section|Table|Figure|Part|Step|Panel) [A-Z]\.$")
_LOOKED_AT = 40  # characters on either side of a full stop


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence, first to last; a line break always ends one."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        end = match.end()
        before = text[max(start, end - _LOOKED_AT) : end]
        after = text[end : end + _LOOKED_AT]
        if text[match.start()] != "\n" and after and _goes_on(before, after):
            continue
        found += _trimmed(text, start, end)
        start = end
    return found + _trimmed(text, start, len(text))


def _goes_on(before: str, after: str) -> bool:
    """Whether a full stop is part of an abbreviation or a list's number rather than an end."""
    if before.endswith((".", ".)")) and re.match(r"\s+\(?(?:19|20)\d\d", after):
        return True
    stripped = before.rstrip("”\"')]")
    if re.search(r"\bet al\.$", stripped):
        return not re.match(r"\s+(?:The|This|We|In|It|These|For|However)\b", after)
    abbreviated = _ABBREVIATION.search(stripped) and not _PLACE.search(stripped)
    return bool(abbreviated or _ITEM.search(stripped))


def _trimmed(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The range without white space at its ends, or nothing."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return [(start, end)] if end > start else []
