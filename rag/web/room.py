"""What all visitors of the page share: the engine, and the building of its index at first start."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from rag.engine import Engine
from rag.errors import IndexMissing, IndexStale, RagError
from rag.protocols import Progress

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """Where the room stands: ``stage`` with ``done`` of ``total`` while building; ``failure`` says
    why there is no engine.
    """

    stage: str = ""
    done: int = 0
    total: int = 0
    failure: str = ""


class Room:
    """Opens the engine, building the index first if there is none or a stale one."""

    def __init__(
        self,
        open_engine: Callable[[], Engine],
        build_index: Callable[[Progress], object],
        build_name: Callable[[], str],
    ) -> None:
        """``build_name`` tells which build of the index is in use, by whoever built it."""
        self._open_engine = open_engine
        self._build_index = build_index
        self._build_name = build_name
        self._opened = ""
        self._lock = threading.Lock()
        self.engine: Engine | None = None
        self.state = State("opening")

    def start(self) -> None:
        """Begin to open the room in a thread of its own."""
        threading.Thread(target=self._start, daemon=True).start()

    def current(self) -> Engine | None:
        """The engine over the index as it is now: opened again if it was built anew meanwhile."""
        with self._lock:
            try:
                if self.engine is not None and self._build_name() != self._opened:
                    self._open()
            except RagError:
                _log.warning("The new index could not be opened; the old one goes on.")
            return self.engine

    def _open(self) -> None:
        name = self._build_name()
        self.engine = self._open_engine()
        self._opened = name

    def _start(self) -> None:
        try:
            try:
                self._open()
            except (IndexMissing, IndexStale):
                self._build_index(self._progress)
                self._open()
            self.state = State()
        except RagError as error:
            self.state = State(failure=str(error))
        except Exception:
            _log.exception("The room could not be opened.")
            self.state = State(failure="The index could not be opened; the log says why.")

    def _progress(self, stage: str, done: int, total: int) -> None:
        self.state = State(stage, done, total)
