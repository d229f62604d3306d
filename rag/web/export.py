"""Conversations and the readings they cite for other programs: Markdown, BibTeX, CSL-JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

from rag.types import Citation, Reading
from rag.web.chat import WORDS, pages_of
from rag.web.history import Talk
from rag.web.markup import on_a_line

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_LINE_START = re.compile(r"(?m)^(\s*)([-+>]|\d+[.)])(?=\s)")
_BIBTEX = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}"} | {c: "\\" + c for c in "#$%&_"}
_BIBTEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def as_markdown(talk: Talk) -> str:
    """The questions and answers, every quote with its page, and the readings at the end."""
    lines = [f"# {_md(on_a_line(talk.title))}", ""]
    for turn in talk.turns:
        lines += [f"## {_md(on_a_line(turn.question))}", ""]
        if turn.answer:
            lines += [_md(turn.answer.text), ""]
            lines += [_note(citation) for citation in turn.answer.citations] + [""]
        if turn.said:
            lines += [_md(turn.said), ""]
    references = [f"- {_reference(reading)}" for reading in cited(talk)]
    if references:
        lines += ["## Readings", "", *references, ""]
    return "\n".join(lines)


def cited(talk: Talk) -> list[Reading]:
    """The readings that a conversation cites, in order of first appearance."""
    found = {
        citation.passage.chunk.reading.reading_id: citation.passage.chunk.reading
        for turn in talk.turns
        if turn.answer
        for citation in turn.answer.citations
    }
    return list(found.values())


def _note(citation: Citation) -> str:
    reading = citation.passage.chunk.reading
    where = f"{_md(reading.title)}, p. {pages_of(citation.pages)} ({WORDS[citation.status]})"
    return f"- \\[{citation.marker}\\] {where}: “{_md(on_a_line(citation.quote))}”"


def _reference(reading: Reading) -> str:
    authors = _md(", ".join(reading.authors)) or "Unknown authors"
    year = f" ({reading.year})" if reading.year else ""
    url = f" <{reading.url}>" if reading.url.startswith(("https://", "http://")) else ""
    kind = " Reading guide." if reading.kind == "guide" else ""
    return f"{authors}{year}. *{_md(reading.title)}*.{kind}{url}"


def _md(text: str) -> str:
    """A text that Markdown shows as it is."""
    return _LINE_START.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\1", text))


def as_bibtex(readings: Iterable[Reading]) -> str:
    """An entry a reading, in UTF-8 as biber and current BibTeX read it."""
    keys: set[str] = set()
    return "\n".join(_entry(reading, keys) for reading in readings)


def _entry(reading: Reading, keys: set[str]) -> str:
    fields = {
        "title": "{" + _bib(reading.title) + "}",  # doubled braces keep its capitals
        "author": " and ".join(map(_bib, reading.authors)),
        "year": str(reading.year or ""),
        "url": reading.url.replace("{", "%7B").replace("}", "%7D"),
        "note": "Reading guide" if reading.kind == "guide" else "",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value.strip("{}")]
    return "\n".join([f"@misc{{{_key(reading, keys)},", *lines, "}", ""])


def _bib(text: str) -> str:
    return "".join(_BIBTEX.get(c, c) for c in on_a_line(text))


def _key(reading: Reading, keys: set[str]) -> str:
    """First author, year and first long word of the title, made unique."""
    family = (
        reading.authors[0].split()[-1] if reading.authors and reading.authors[0].split() else ""
    )
    word = next((w for w in re.findall(r"\w+", reading.title) if len(w) > 3), "")
    plain = unicodedata.normalize("NFKD", f"{family}{reading.year or ''}{word}")
    key = base = re.sub(r"[^A-Za-z0-9]", "", plain).lower() or "reading"
    while key in keys:
        key = f"{base}{chr(ord('a') + len(keys) % 26)}{len(keys)}"
    keys.add(key)
    return key


def as_csl(readings: Sequence[Reading]) -> str:
    """CSL-JSON, as Zotero and pandoc read it."""
    return json.dumps([_csl(reading) for reading in readings], ensure_ascii=False, indent=2)


def _csl(reading: Reading) -> dict[str, object]:
    item: dict[str, object] = {"id": reading.reading_id, "type": "article", "title": reading.title}
    if reading.authors:
        item["author"] = [_csl_name(author) for author in reading.authors]
    if reading.year:
        item["issued"] = {"date-parts": [[reading.year]]}
    if reading.url:
        item["URL"] = reading.url
    if reading.kind == "guide":
        item["genre"] = "Reading guide"
    return item


def _csl_name(author: str) -> dict[str, str]:
    """Given and family name where there are two words or more; a group has but one."""
    given, _, family = on_a_line(author).rpartition(" ")
    return {"family": family, "given": given} if given else {"literal": family}
