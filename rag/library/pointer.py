"""``current``: which build is in use, and how another one takes its place in one step."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

from rag.errors import IndexFailure, IndexMissing, system_reason
from rag.library.failures import damaged
from rag.library.manifest import is_sound

_NAME = re.compile("[0-9a-f]{16}")


def current(folder: Path) -> str:
    """The name of the build in use."""
    try:
        name = (folder / "current").read_text("ascii").strip()
    except FileNotFoundError:
        raise IndexMissing(
            f"There is no index in {folder} yet: run `python -m rag.index` to build it."
        ) from None
    except NotADirectoryError:
        raise IndexFailure(
            f"{folder} is no folder, so there is no index in it: set RAG_INDEX to a folder."
        ) from None
    except OSError as error:
        raise IndexFailure(
            f"The index in {folder} cannot be read ({system_reason(error)}): "
            "see to it that you may read that folder, or set RAG_INDEX to another one."
        ) from error
    except UnicodeDecodeError:
        name = ""
    if not _NAME.fullmatch(name):
        raise damaged(folder, "the file 'current' names no build")
    return name


def publish(folder: Path, aside: Path, name: str) -> None:
    """Give a complete build its name, swap the pointer, and keep the build it pointed to."""
    builds = folder / "builds"
    before = None
    with contextlib.suppress(IndexFailure):
        before = current(folder)
    pointer = folder / f"current.tmp-{os.getpid()}"
    try:
        # Written first: this is the last step that a full disk can stop.
        pointer.write_text(f"{name}\n", "ascii")
        _sync(pointer)
        _place(aside, builds / name)
        pointer.replace(folder / "current")
    finally:
        pointer.unlink(missing_ok=True)
    _sync_folder(folder)
    for home in builds.iterdir():
        if _NAME.fullmatch(home.name) and home.name not in {name, before}:
            # Windows removes nothing that is open: it goes with the next build.
            with contextlib.suppress(OSError):
                _discard(home)


def _place(aside: Path, target: Path) -> None:
    """Rename a build to what it is called."""
    # A sound build of this name was made from the same things and may have readers: it stays.
    if not is_sound(target):
        if target.exists():
            _discard(target)
        aside.rename(target)
    _sync_folder(target.parent)


def _discard(home: Path) -> None:
    """Remove a build under a name that says so, in case the removal is cut short."""
    doomed = home.with_name(f"{home.name}.tmp-{os.getpid()}-old")
    home.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what dead builders left behind; only for the holder of the lock."""
    for path in [*folder.glob("builds/*.tmp-*"), *folder.glob("current.tmp-*")]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def sync_tree(home: Path) -> None:
    """See a build onto the disk: files first, then the folders that name them."""
    for path in home.rglob("*"):
        if path.is_file():
            _sync(path)
        else:
            _sync_folder(path)
    _sync_folder(home)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows opens no folders; it writes names through by itself.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
