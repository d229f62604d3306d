"""Pages of readings as pictures, with the cited lines marked."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rag.errors import ReadingError
from rag.types import Box, Reading

_DPI = 110
_MARK = (255, 214, 0, 96)
_KEPT = 32
"""Pictures kept in memory, of a quarter of a megabyte each."""


class PageImages:
    """Draws pages; threads may share it, one of them draws at a time as PDFium demands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn = lru_cache(maxsize=_KEPT)(self._draw)

    def png(self, reading: Reading, number: int, boxes: Sequence[Box]) -> bytes:
        """A page as a PNG with the boxes on it marked, ``number`` from 1.

        Raises ReadingError if the file is gone, has changed since it was indexed, or has no such
        page.
        """
        here = tuple(box for box in boxes if box.page == number)
        with self._lock:
            return self._drawn(reading, number, here)

    def _draw(self, reading: Reading, number: int, boxes: tuple[Box, ...]) -> bytes:
        import pypdfium2
        from PIL import Image, ImageDraw

        document = pypdfium2.PdfDocument(_unchanged(reading))
        try:
            if not 1 <= number <= len(document):
                raise ReadingError(f"{reading.title} has no page {number}.")
            scale = _DPI / 72
            picture = document[number - 1].render(scale=scale).to_pil().convert("RGBA")
        finally:
            document.close()
        marks = Image.new("RGBA", picture.size)
        draw = ImageDraw.Draw(marks)
        for box in boxes:
            sides = (box.x0 - 1.5, box.y0 - 1, box.x1 + 1.5, box.y1 + 1)
            draw.rectangle([side * scale for side in sides], fill=_MARK, outline=(200, 150, 0, 220))
        file = io.BytesIO()
        Image.alpha_composite(picture, marks).convert("RGB").save(file, "PNG")
        return file.getvalue()


def _unchanged(reading: Reading) -> bytes:
    """The bytes of the reading's file. Raises ReadingError if they are not those indexed."""
    try:
        data = Path(reading.path).read_bytes()
    except OSError as error:
        raise ReadingError(
            f"The file of {reading.title} is no longer at {reading.path}. Run `python -m rag.index`."
        ) from error
    if hashlib.sha256(data).hexdigest() != reading.sha256:
        raise ReadingError(
            f"The file of {reading.title} has changed since it was indexed. Run `python -m rag.index`."
        )
    return data
