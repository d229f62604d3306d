"""A PDF file before any parser: what cannot be read is refused here, with one sentence for all.

What pypdf knows of a file, the outline, the pages' labels and its own reading of their words, is
here, too, below the parsers: the file is opened by it only when one of them asks.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from rag.errors import ReadingError
from rag.outline import Entry
from rag.pdf_words import LETTER, frame_of, written
from rag.sheets import Sheet

_QUIET = logging.NullHandler()  # pypdf logs what it repairs: without a handler, to the terminal


def refuse_unreadable(path: Path) -> None:
    """Raises ReadingError for what is no PDF, is empty or wants a password."""
    try:
        with path.open("rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise ReadingError(f"{path.name} could not be opened: {error.strerror}.") from error
    if not start:
        raise ReadingError(f"{path.name} is empty. Get it again.")
    if b"%PDF-" not in start:
        raise ReadingError(f"{path.name} is not a PDF. Get it again, or remove it.")
    if b"/Encrypt" in path.read_bytes() and _locked(path):
        raise ReadingError(f"{path.name} is locked with a password. Save a copy without one.")


def unreadable(path: Path, error: Exception) -> ReadingError:
    """The error for a file that a parser cannot open."""
    return ReadingError(
        f"{path.name} could not be read as a PDF ({error}). Get it again, or remove it."
    )


def refuse_empty(path: Path, pages: list[Sheet]) -> None:
    """Raises ReadingError where no page has a word."""
    if not any(page.words for page in pages):
        raise ReadingError(
            f"{path.name} has {len(pages)} pages and no text that can be read on any of them: "
            "it is scanned or damaged. Get a copy with a text layer."
        )


def _locked(path: Path) -> bool:
    """Whether a PDF cannot be opened without a password."""
    from pypdf import PasswordType

    with _forgiving():
        reader = PypdfFile(path).reader
        return bool(reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED)
    return False


def _forgiving() -> contextlib.suppress:
    """Goes on where pypdf gives up: it raises nearly anything for a damaged file."""
    return contextlib.suppress(Exception)


class PypdfFile:
    """A PDF as pypdf reads it, opened when something of it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def reader(self) -> Any:  # noqa: ANN401
        """The reader of pypdf itself. Raises whatever pypdf raises."""
        from pypdf import PdfReader

        logging.getLogger("pypdf").addHandler(_QUIET)
        return PdfReader(self._path)

    def count(self) -> int:
        """How many pages there are. Raises ReadingError for a file that pypdf cannot open."""
        try:
            return len(self.reader.pages)
        except Exception as error:
            raise unreadable(self._path, error) from error

    def has_pages(self, count: int) -> bool:
        """Whether pypdf, too, finds this many pages."""
        with _forgiving():
            return self.count() == count
        return False

    def sheet(self, number: int) -> Sheet:
        """A page, from 1, with no words where nothing can be made of it."""
        label = self._labels.get(number, str(number))
        width, height = LETTER.size
        with _forgiving():
            page = self.reader.pages[number - 1]
            width, height = frame_of(page).size
            on = written(page)
            return Sheet(number, label, width, height, on.words, on.rules, on.hidden, on.layer)
        return Sheet(number, label, width, height, (), ())

    def outline(self) -> list[Entry]:
        """The outline's entries that lead to a page, in order; none where it cannot be read."""
        with _forgiving():
            return list(self._entries(self.reader.outline, 1))
        return []

    def _entries(self, outline: Iterable[Any], level: int) -> Iterator[Entry]:
        for item in outline:
            if isinstance(item, list):
                yield from self._entries(item, level + 1)
                continue
            page = self.reader.get_destination_page_number(item)
            if page is not None and page >= 0 and item.title:
                yield Entry(str(item.title), level, page + 1)

    @cached_property
    def _labels(self) -> dict[int, str]:
        """What the file calls its pages, by their number from 1."""
        with _forgiving():
            return {at: label for at, label in enumerate(self.reader.page_labels, 1) if label}
        return {}
