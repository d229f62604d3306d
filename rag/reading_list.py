"""The reading list, ``readings.toml``: what belongs to the course, and where it comes from."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rag.errors import ReadingError, system_reason

LIST = "readings.toml"
"""The reading list's file name."""

_HERE = Path(__file__).parent.parent / "corpus"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One reading as the list describes it.

    ``reading_id`` is the arXiv id or a short name. ``version`` is the arXiv version that
    ``pdf_url`` leads to. ``licence`` is empty where it is not known, ``pdf_url`` where the PDF can
    only be put in place by hand. ``genre`` is "survey", "model paper" or the course's own word.
    ``nicknames`` are what people call the reading in a question.
    """

    reading_id: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    version: str
    url: str
    pdf_url: str
    licence: str
    genre: str
    nicknames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadingList:
    """The entries in the course's order, and the folder where the list lives."""

    folder: Path
    entries: tuple[Entry, ...]

    def lives_in(self, folders: Sequence[Path]) -> bool:
        """Whether the list belongs to one of these folders, so that fetching into it is right."""
        return self.folder.resolve() in {folder.resolve() for folder in folders}


def load_list(folders: Sequence[Path]) -> ReadingList:
    """Read the list of the first folder that has one, else the repository's own, else none.

    Raises ReadingError, with file and line, for a list that cannot be understood.
    """
    for folder in (*folders, _HERE):
        if (path := folder / LIST).is_file():
            return ReadingList(folder, _entries(path))
    return ReadingList(folders[0] if folders else _HERE, ())


def _entries(path: Path) -> tuple[Entry, ...]:
    try:
        # Some editors put a byte order mark in front, which TOML does not know.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ReadingError(f"{path} is not UTF-8 (line {line}): save it as UTF-8.") from error
    except OSError as error:
        raise ReadingError(
            f"{path} cannot be read ({system_reason(error)}): see to it that you may read it."
        ) from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        end = f"at line {text.count(chr(10)) + 1}, the end"
        what = str(error).replace("at end of document", end)
        raise ReadingError(f"{path} cannot be understood: {what}. Correct that line.") from error
    lines = [text.count("\n", 0, m.end()) + 1 for m in re.finditer(r"(?m)^\s*\[\[", text)]
    return _checked(path, content, lines)


def _checked(path: Path, content: Mapping[str, Any], lines: Sequence[int]) -> tuple[Entry, ...]:
    """Check a list whose TOML is sound; ``lines`` are where its tables begin."""
    tables = content.get("reading", [])
    if set(content) - {"reading"} or not _is_list_of(tables, dict):
        raise ReadingError(f"{path}, line 1: a reading list holds [[reading]] tables only.")
    entries: dict[str, Entry] = {}
    for number, table in enumerate(tables):
        try:
            entry = _entry(table)
            if entry.reading_id in entries:
                raise ValueError(f"the id {entry.reading_id!r} is taken by an entry above")
        except ValueError as error:
            line = f"line {lines[number]}" if number < len(lines) else f"reading {number + 1}"
            raise ReadingError(f"{path}, {line}: {error}. Correct that entry.") from None
        entries[entry.reading_id] = entry
    return tuple(entries.values())


def _entry(table: dict[str, Any]) -> Entry:
    """Make the entry of one table. Raises ValueError, naming the field."""
    rest = dict(table)
    entry = Entry(
        reading_id=_take(rest, "id", str, ""),
        title=_take(rest, "title", str, ""),
        authors=_take_names(rest, "authors"),
        year=_take(rest, "year", int, 0) or None,
        version=_take(rest, "version", str, ""),
        url=_take(rest, "url", str, ""),
        pdf_url=_take(rest, "pdf_url", str, ""),
        licence=_take(rest, "licence", str, ""),
        genre=_take(rest, "genre", str, "paper"),
        nicknames=_take_names(rest, "nicknames"),
    )
    if rest:
        raise ValueError(f"there is no field {min(rest)!r}")
    if not _ID.fullmatch(entry.reading_id):
        raise ValueError("id must be a name of letters, digits, dots, hyphens and underscores")
    if not squash(entry.title):
        raise ValueError("title must be what the title page prints")
    for url in (entry.url, entry.pdf_url):
        if url and not url.startswith(("https://", "http://")):
            raise ValueError(f"the address {url!r} must begin with https:// or http://")
    return entry


def _take(table: dict[str, Any], name: str, kind: type[T], default: T) -> T:
    value = table.pop(name, default)
    if type(value) is not kind:
        raise ValueError(f"{name} must be {'a whole number' if kind is int else 'text'}")
    return value


def _take_names(table: dict[str, Any], name: str) -> tuple[str, ...]:
    value = table.pop(name, [])
    if not _is_list_of(value, str):
        raise ValueError(f"{name} must be a list of texts")
    return tuple(value)


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def squash(text: str) -> str:
    """What of a title is compared: letters and digits, without case, accents and ligatures."""
    # Decomposed, for TeX also writes an accent as a character of its own.
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text).casefold()))
