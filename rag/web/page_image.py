"""Pages of readings as pictures, at the resolution of the screen that shows them."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.errors import ReadingError
from rag.types import Reading

NARROWEST, WIDEST, STEP = 320, 2560, 160
"""Widths of pictures in pixels: few enough of them that pictures are found drawn already."""

_KEPT = 48
"""Pictures kept in memory, of some hundred kilobytes each."""
_OPEN = 4
"""PDFs kept open."""
_TALLEST = 4 * WIDEST


class PageImages:
    """Draws pages; threads may share it, one of them draws at a time as PDFium demands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn = lru_cache(maxsize=_KEPT)(self._draw)
        self._open: OrderedDict[tuple[Path, str, int, int], Any] = OrderedDict()

    def png(self, reading: Reading, number: int, width: int) -> bytes:
        """A page as a PNG of at least ``width`` pixels (up to the widest), ``number`` from 1.

        Raises ReadingError if the file is gone, has changed since it was indexed, or has no such
        page.
        """
        steps = -(-min(max(width, NARROWEST), WIDEST) // STEP)
        with self._lock:
            return self._drawn(reading, number, steps * STEP)

    def _draw(self, reading: Reading, number: int, width: int) -> bytes:
        document = self._document(reading)
        if not 1 <= number <= len(document):
            raise ReadingError(f"{reading.title} has no page {number}.")
        page = document[number - 1]
        try:
            # A page as narrow as a ribbon would otherwise be as tall as memory.
            scale = min(width / page.get_width(), _TALLEST / page.get_height())
            picture = page.render(scale=scale, rev_byteorder=True).to_pil().convert("RGB")
        finally:
            page.close()
        file = io.BytesIO()
        # Twice the bytes of the best compression, in a fifth of its time.
        picture.save(file, "PNG", compress_level=1)
        return file.getvalue()

    def _document(self, reading: Reading) -> Any:  # noqa: ANN401 - pypdfium2 has no types
        """The reading's PDF, open; looked at again when its file has another date or size."""
        import pypdfium2

        try:
            stat = reading.path.stat()
        except OSError as error:
            raise _gone(reading) from error
        key = (reading.path, reading.sha256, stat.st_mtime_ns, stat.st_size)
        if key not in self._open:
            self._open[key] = pypdfium2.PdfDocument(unchanged(reading))
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(key)
        return self._open[key]


def unchanged(reading: Reading) -> bytes:
    """The bytes of the reading's file. Raises ReadingError if they are not those indexed."""
    try:
        data = reading.path.read_bytes()
    except OSError as error:
        raise _gone(reading) from error
    if hashlib.sha256(data).hexdigest() != reading.sha256:
        raise ReadingError(
            f"The file of {reading.title} has changed since it was indexed. "
            "Run `python -m rag.index`."
        )
    return data


def _gone(reading: Reading) -> ReadingError:
    return ReadingError(
        f"The file of {reading.title} is no longer where it was indexed. Run `python -m rag.index`."
    )
