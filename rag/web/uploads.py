"""A visitor's own PDFs: private to one browser, indexed in the background, gone with the session.

Each visitor has a folder of their own with an index over the course's readings and theirs, so that
both are searched together. Files are opened and indexed in a process of their own, one at a time:
whatever a strange PDF does there, the page goes on.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import queue
import re
import secrets
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

from filelock import FileLock, Timeout

from rag.errors import RagError, ReadingError
from rag.pdf_files import refuse_unreadable, unreadable
from rag.protocols import Progress
from rag.readings import sha256_of
from rag.title_page import TitlePage, shown
from rag.types import Reading
from rag.web.room import Opened, Room

_log = logging.getLogger(__name__)

MOST_FILES = 5
LARGEST_MEGABYTES = 30
MOST_PAGES = 300
AWAY_MINUTES = 15
"""A visitor whose page has not been heard of for so long is gone."""
MOST_VISITORS = 4
"""Visitors with uploads at once: with the limits above they bound disk and memory."""

_LONGEST_BUILD = 900.0  # seconds
_MOST_MEMORY = 8 << 30  # bytes of address space for the process that reads strange files
_FREE_BYTES = 1_000_000_000  # are left on the disk
_SWEEP_SECONDS = 20.0
_PATIENCE = 5.0  # seconds for an index that is just being opened when the program ends
_PREFIX = "reading-room-uploads-"
_VISITOR = re.compile("[0-9a-f]{32}")
_SPACE = multiprocessing.get_context("spawn")

UploadState = Literal["arriving", "waiting", "preparing", "ready", "failed"]

Build = Callable[[Path, Sequence[Reading], Progress], tuple[tuple[str, str], ...]]
"""Brings the index in a folder to the course's readings and these; returns those left out as
(reading id, why). It is sent to another process."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a visitor: ``name`` is what they call it, ``why`` says what failed.

    ``upload_id`` is its reading's id, too.
    """

    upload_id: str
    name: str
    path: Path
    state: UploadState = "arriving"
    why: str = ""


@dataclass(slots=True)
class _Visitor:
    """What belongs to one visitor; only to be touched under the lock of Uploads."""

    folder: Path
    seen: float
    uploads: dict[str, Upload] = field(default_factory=dict)
    opened: Opened | None = None
    step: str = ""
    process: BaseProcess | None = None

    def having(self, *states: UploadState) -> list[Upload]:
        """The uploads in one of the states."""
        return [upload for upload in self.uploads.values() if upload.state in states]

    def mark(self, states: set[UploadState], to: UploadState, why: str = "") -> None:
        """Move the uploads in one of the states to another."""
        for upload in self.having(*states):
            self.uploads[upload.upload_id] = replace(upload, state=to, why=why)


def new_visitor() -> str:
    """A name for a browser that nobody guesses."""
    return secrets.token_hex(16)


def is_visitor(name: str) -> bool:
    """Whether this can be such a name."""
    return bool(_VISITOR.fullmatch(name))


def is_own(reading: Reading) -> bool:
    """Whether a reading is a visitor's own and not the course's."""
    return reading.reading_id.startswith("own-")


class Uploads:
    """The uploads of all visitors, each seen by its own only; threads may share it.

    A context manager: at its end all files are removed. What a killed program left behind is
    removed at the next one's start.
    """

    def __init__(self, room: Room, build: Build, open_over: Callable[[Path], Opened]) -> None:
        """``open_over`` opens the index in a folder."""
        self._room = room
        self._build = build
        self._open_over = open_over
        self._visitors: dict[str, _Visitor] = {}
        self._lock = threading.RLock()
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        _remove_leftovers()
        self._root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._alive = FileLock(self._root / "alive")
        self._alive.acquire()
        self._preparing = threading.Thread(target=self._prepare_in_turn, daemon=True)
        self._preparing.start()
        threading.Thread(target=self._forget_in_turn, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._queue.put(None)
        with self._lock:
            for visitor in list(self._visitors):
                self._forget(visitor)
        self._preparing.join(timeout=_PATIENCE)
        self._alive.release()
        shutil.rmtree(self._root, ignore_errors=True)

    def opened(self, visitor: str) -> Opened | None:
        """The visitor's own engine, None where they have no upload that is ready."""
        with self._lock:
            found = self._visitors.get(visitor)
            return found.opened if found else None

    def heard_of(self, visitor: str) -> None:
        """The visitor's page is still there."""
        with self._lock:
            if found := self._visitors.get(visitor):
                found.seen = time.monotonic()

    def listed(self, visitor: str) -> tuple[tuple[Upload, ...], str]:
        """The visitor's uploads in the order they came, and what is being done."""
        with self._lock:
            found = self._visitors.get(visitor)
            return (tuple(found.uploads.values()), found.step) if found else ((), "")

    def begin(self, visitor: str, name: str) -> Upload:
        """A place for a file that arrives. Raises ReadingError where there is none."""
        with self._lock:
            if self._room.current() is None:
                raise ReadingError("The course's readings are still being prepared: try again.")
            found = self._visitors.get(visitor) or self._admitted(visitor)
            if len(found.uploads) >= MOST_FILES:
                raise ReadingError(f"{MOST_FILES} files are the most: remove one of them first.")
            upload_id = f"own-{secrets.token_hex(16)}"
            upload = Upload(upload_id, _name(name), found.folder / f"{upload_id}.pdf")
            found.uploads[upload_id] = upload
            found.seen = time.monotonic()
            return upload

    def _admitted(self, visitor: str) -> _Visitor:
        if len(self._visitors) >= MOST_VISITORS:
            raise ReadingError(
                f"{MOST_VISITORS} others have PDFs of their own here just now, and that is the "
                "most: try again later."
            )
        if shutil.disk_usage(self._root).free < _FREE_BYTES:
            raise ReadingError("There is too little room on the disk just now: try again later.")
        folder = self._root / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        self._visitors[visitor] = _Visitor(folder, time.monotonic())
        return self._visitors[visitor]

    def arrived(self, visitor: str, upload: Upload) -> None:
        """A file is here as a whole: it is indexed when its turn comes."""
        with self._lock:
            found = self._visitors.get(visitor)
            if found is None or upload.upload_id not in found.uploads:
                upload.path.unlink(missing_ok=True)
                return
            found.uploads[upload.upload_id] = replace(upload, state="waiting")
        self._queue.put(visitor)

    def remove(self, visitor: str, upload_id: str) -> None:
        """Remove an upload and all that was made of it; an unknown one is none."""
        with self._lock:
            found = self._visitors.get(visitor)
            upload = found.uploads.pop(upload_id, None) if found else None
            if found is None or upload is None:
                return
            _stop(found)
            upload.path.unlink(missing_ok=True)
            if upload.state in {"arriving", "failed"}:
                return
            found.opened = None
            found.mark({"preparing", "ready"}, "waiting")
            if not found.having("waiting"):
                shutil.rmtree(found.folder / "index", ignore_errors=True)
            if not found.uploads:
                self._forget(visitor)
        self._queue.put(visitor)

    def _forget(self, visitor: str) -> None:
        found = self._visitors.pop(visitor)
        _stop(found)
        shutil.rmtree(found.folder, ignore_errors=True)

    def _forget_in_turn(self) -> None:
        """Forget visitors that have gone, until the end."""
        while not self._closed.wait(_SWEEP_SECONDS):
            self.forget_gone(time.monotonic() - 60 * AWAY_MINUTES)

    def forget_gone(self, since: float) -> None:
        """Forget the visitors not heard of since then, on the monotonic clock."""
        with self._lock:
            for visitor in [name for name, one in self._visitors.items() if one.seen < since]:
                self._forget(visitor)

    def _prepare_in_turn(self) -> None:
        """Index what has arrived, one visitor at a time, until the end."""
        while (visitor := self._queue.get()) is not None and not self._closed.is_set():
            try:
                self._prepare(visitor)
            except Exception:
                _log.exception("An upload could not be indexed.")
                self._failed(visitor, "It could not be indexed; the program's log says why.")

    def _prepare(self, visitor: str) -> None:
        """Index what waits of a visitor, and open what came of it."""
        with self._lock:
            found = self._visitors.get(visitor)
            if found is None or not found.having("waiting"):
                return
            found.mark({"waiting"}, "preparing")
            files = found.having("preparing", "ready")
            ours, theirs = _SPACE.Pipe(duplex=False)
            arguments = (self._build, found.folder / "index", files, theirs)
            found.process = process = _SPACE.Process(target=_work, args=arguments, daemon=True)
        with ours:
            process.start()
            theirs.close()
            failed = _outcome(found, ours, files)
        process.kill()
        process.join()
        new = [f for f in files if f.state == "preparing" and f.upload_id not in failed]
        # Nobody waits for the lock while an engine is opened.
        opened = self._open(found.folder / "index") if new and found.process is process else None
        with self._lock:
            if self._visitors.get(visitor) is not found:
                # What was written while the visitor was being forgotten.
                shutil.rmtree(found.folder, ignore_errors=True)
            elif found.process is process:  # Otherwise a file was removed meanwhile.
                found.process, found.step = None, ""
                found.opened = opened or found.opened
                _settle(found, files, failed)

    def _open(self, index: Path) -> Opened:
        opened = self._open_over(index)
        if course := self._room.current():
            opened.samples = course.samples
        return opened

    def _failed(self, visitor: str, why: str) -> None:
        with self._lock:
            if found := self._visitors.get(visitor):
                _stop(found)
                found.mark({"preparing"}, "failed", why)


@dataclass(frozen=True, slots=True)
class Seen:
    """The room as one visitor sees it: with their own readings where they have some."""

    room: Room
    uploads: Uploads | None
    visitor: str

    def current(self) -> Opened | None:
        """The engine that answers this visitor."""
        own = self.uploads.opened(self.visitor) if self.uploads else None
        return own or self.room.current()


def _name(name: str) -> str:
    """What a file is called, on one line and without folders."""
    return shown(re.split(r"[/\\]", name)[-1])[:120] or "unnamed.pdf"


def _stop(found: _Visitor) -> None:
    """Give up what is being indexed."""
    if found.process is not None and found.process.pid is not None:
        found.process.kill()
    found.process, found.step = None, ""


def _outcome(found: _Visitor, pipe: Connection, files: Sequence[Upload]) -> dict[str, str]:
    """Why files failed, by id, as their process says in the end; its steps until then are shown."""
    end = time.monotonic() + _LONGEST_BUILD
    why = "It took too long to read."
    try:
        while pipe.poll(max(0.0, end - time.monotonic())):
            kind, said = cast(tuple[str, Any], pipe.recv())
            if kind == "end":
                return cast(dict[str, str], said)
            if kind == "failure":
                why = cast(str, said)
                break
            found.step = cast(str, said)
    except (EOFError, OSError):
        why = "It could not be read: what read it broke down."
    return {file.upload_id: why for file in files if file.state == "preparing"}


def _settle(found: _Visitor, files: Sequence[Upload], failed: dict[str, str]) -> None:
    """Say of each file what became of it."""
    for file in files:
        why = failed.get(file.upload_id, "")
        if why.startswith(file.path.name):
            why = f"It{why.removeprefix(file.path.name)}"
        if why:
            file.path.unlink(missing_ok=True)
        found.uploads[file.upload_id] = replace(file, state="failed" if why else "ready", why=why)


def _remove_leftovers() -> None:
    """Remove what killed programs left: folders of ours that nobody holds any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, Timeout):
            ours = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
            if ours and folder.is_dir() and not folder.is_symlink():
                with FileLock(folder / "alive", timeout=0):
                    pass
                shutil.rmtree(folder, ignore_errors=True)


def _work(build: Build, index: Path, files: Sequence[Upload], pipe: Connection) -> None:
    """What the process does: look at the files, index them, say what became of them."""
    _be_modest()
    failed: dict[str, str] = {}
    readings: dict[str, Reading] = {}

    def progress(stage: str, done: int, total: int) -> None:
        pipe.send(("step", f"{stage} {done} of {total}" if total else stage))

    for file in files:
        try:
            reading = _reading(file)
            if reading.sha256 in {other.sha256 for other in readings.values()}:
                raise ReadingError("It is the same as another of your files.")
            readings[file.upload_id] = reading
        except ReadingError as error:
            failed[file.upload_id] = str(error)
    try:
        if readings:
            failed |= dict(build(index, list(readings.values()), progress))
        pipe.send(("end", failed))
    except RagError as error:
        pipe.send(("failure", str(error)))


def _be_modest() -> None:
    """Let everybody else go first, and take no more memory than a reading may need."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the page, which ends this.
        os.nice(10)
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


def _reading(file: Upload) -> Reading:
    """The reading that a file is. Raises ReadingError for what cannot be one."""
    refuse_unreadable(file.path)
    pages = _pages(file.path)
    if pages > MOST_PAGES:
        raise ReadingError(f"It has {pages} pages and {MOST_PAGES} are the most.")
    title = TitlePage.read(file.path).title or Path(file.name).stem
    return Reading(
        file.upload_id, title, (), None, "", "", "paper", sha256_of(file.path), file.path
    )


def _pages(path: Path) -> int:
    import pypdfium2

    try:
        document: Any = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise unreadable(path, error) from error
    try:
        return len(document)
    finally:
        document.close()
