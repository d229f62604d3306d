"""What all visitors of the page share: the engine, and the building of its index at first start."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rag.engine import Engine
from rag.errors import IndexMissing, IndexStale, RagError
from rag.protocols import Checker, Progress
from rag.web.samples import Sample, samples
from rag.web.shelf import Shelf

_log = logging.getLogger(__name__)

_WITH_SAMPLES = 6
"""Readings that get questions to begin with: more than a first page shows."""

NOT_READY = "The readings are still being prepared; ask again in a moment."

LeftOut = tuple[tuple[str, str], ...]
"""Readings that could not be used, as (name, why)."""


@dataclass(frozen=True, slots=True)
class State:
    """Where the room stands: ``stage`` with ``done`` of ``total`` while building; ``failure`` says
    why there is no engine.
    """

    stage: str = ""
    done: int = 0
    total: int = 0
    failure: str = ""


class Opened:
    """An engine over one build of the index, with what belongs to that build."""

    def __init__(
        self,
        engine: Engine,
        checker: Checker,
        left_out: LeftOut,
        others: Mapping[str, Callable[[], Engine]],
    ) -> None:
        """``others`` open an engine that answers with another LLM, by its name."""
        self.engine = engine
        self.checker = checker
        self.shelf = Shelf(engine, left_out)
        self.samples: tuple[Sample, ...] = ()
        self.prepared = False
        self._others = others
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()

    def engine_with(self, llm: str) -> Engine:
        """The engine that answers with an LLM, the first one for a name that is not offered.

        Raises RagError where it cannot be opened.
        """
        if llm not in self._others:
            return self.engine
        with self._lock:
            if llm not in self._engines:
                self._engines[llm] = self._others[llm]()
            return self._engines[llm]

    def prepare(self) -> None:
        """Look through the readings for their sections, and for questions that they answer."""
        for reading in self.shelf.readings:
            self.shelf.contents(reading.reading_id)
        for reading in self.shelf.readings[:_WITH_SAMPLES]:
            contents = self.shelf.contents(reading.reading_id)
            self.samples += tuple(samples(self.engine, reading, contents))


class Room:
    """Opens the engine, building the index first if there is none or a stale one."""

    def __init__(
        self,
        open_engine: Callable[[], tuple[Engine, Checker]],
        build_index: Callable[[Progress], object],
        build_name: Callable[[], str],
        left_out: Callable[[], LeftOut] = tuple,
        llm: str = "",
        others: Mapping[str, Callable[[], Engine]] | None = None,
    ) -> None:
        """``build_name`` tells which build of the index is in use, by whoever built it.

        ``left_out`` are the readings that it lacks. ``llm`` is what the engine answers with,
        ``others`` open engines with another LLM, by its name.
        """
        self._open_engine = open_engine
        self._build_index = build_index
        self._build_name = build_name
        self._left_out = left_out
        self._llm = llm
        self._others = others or {}
        self._name = ""
        self._lock = threading.Lock()
        self._opened: Opened | None = None
        self.state = State("opening")

    def start(self) -> None:
        """Begin to open the room in a thread of its own."""
        threading.Thread(target=self._start, daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether questions can be asked."""
        return self._opened is not None

    @property
    def prepared(self) -> bool:
        """Whether there are questions to begin with, too."""
        return self._opened is not None and self._opened.prepared

    @property
    def llms(self) -> tuple[str, ...]:
        """The LLMs that can be chosen, the one that answers unless another is chosen first."""
        return (self._llm, *self._others)

    def current(self) -> Opened | None:
        """The engine over the index as it is now: opened again if it was built anew meanwhile."""
        with self._lock:
            try:
                if self._opened is not None and self._build_name() != self._name:
                    self._open()
            except RagError:
                _log.warning("The new index could not be opened; the old one goes on.")
            return self._opened

    def _open(self) -> None:
        name = self._build_name()
        engine, checker = self._open_engine()
        opened = Opened(engine, checker, self._left_out(), self._others)
        self._opened, self._name = opened, name
        threading.Thread(target=_prepare, args=[opened], daemon=True).start()

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


def _prepare(opened: Opened) -> None:
    """What is pleasant to have and nobody waits for."""
    try:
        opened.prepare()
    except Exception:
        _log.exception("The readings could not be looked through for sections and samples.")
    opened.prepared = True
