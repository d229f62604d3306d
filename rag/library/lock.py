"""``lock`` and ``holder``: one builder at a time, and who it is."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from rag.errors import IndexFailure
from rag.library.failures import writing

PATIENCE = 60.0
"""Seconds a builder waits for another one to finish."""


@contextlib.contextmanager
def lock(folder: Path, wait: float) -> Iterator[None]:
    """Be the only builder. Raises IndexFailure with the other one's name after ``wait`` seconds."""
    from filelock import FileLock, Timeout

    holder = folder / "holder"
    file = FileLock(folder / "lock", timeout=wait)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file.acquire()
        except Timeout:
            raise IndexFailure(_held_by(holder, wait)) from None
    try:
        with writing(folder):
            since = datetime.now().astimezone().isoformat(" ", "seconds")
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()} since {since}\n")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        file.release()


def _held_by(holder: Path, wait: float) -> str:
    try:
        who = holder.read_text().strip()
    except OSError:
        who = "a process that has not said its name"
    return (
        f"The index in {holder.parent} is being built by {who}, and {wait:g} seconds were not "
        "enough to wait for it: run `python -m rag.index` again when it is done."
    )
