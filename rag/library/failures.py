"""What goes wrong with an index on the disk, in words for people."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from rag.errors import IndexFailure, system_reason


def damaged(folder: Path, what: str) -> IndexFailure:
    """The error to raise where the index in ``folder`` is not as a builder left it."""
    return IndexFailure(
        f"The index in {folder} is damaged ({what}): "
        "run `python -m rag.index`, which builds it anew."
    )


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise IndexFailure for everything that goes wrong on the way to the disk."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise IndexFailure(
            f"Two pages or chunks of one reading have the same name ({error}). This is a fault of "
            "the parser or the chunker: please report it with this sentence."
        ) from error
    except (OSError, sqlite3.Error) as error:
        raise IndexFailure(
            f"The index could not be written to {folder} ({system_reason(error)}); what was there "
            "before is untouched. Free space there, or set RAG_INDEX to another folder."
        ) from error
