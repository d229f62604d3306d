"""Reads PDFs with pypdf alone: pure Python, so it runs where no compiled reader does.

It is slower than liteparse, and its words' boxes are near the letters rather than around them.
"""

from __future__ import annotations

from pathlib import Path

from rag.layout import read_sheets
from rag.pdf_files import PypdfFile, refuse_empty, refuse_unreadable
from rag.settings import Settings
from rag.types import Page


def load(settings: Settings) -> PypdfParser:
    """The parser; no setting changes it."""
    return PypdfParser()


class PypdfParser:
    """pypdf for words and rules; ``rag.layout`` for everything that follows from them."""

    name = "pypdf"
    version = "2"

    def read(self, path: Path) -> list[Page]:
        """All pages of a PDF. Raises ReadingError where no text can be had from it."""
        refuse_unreadable(path)
        file = PypdfFile(path)
        sheets = [file.sheet(number) for number in range(1, file.count() + 1)]
        refuse_empty(path, sheets)
        return read_sheets(sheets, file.outline())
