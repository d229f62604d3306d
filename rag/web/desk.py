"""Work that an instructor waits for: one piece at a time, with how far it has come.

Each visit has a desk of its own, which is gone with it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from rag.errors import RagError
from rag.web.door import Visit
from rag.web.trouble import unforeseen

_log = logging.getLogger(__name__)

_MOST_WAITING = 8
BUSY = "Too much is being worked on already; try again in a minute."


class Stopped(Exception):
    """The work is no longer wanted."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of some work: HTML to show, and the same as CSV where there is such a thing.

    ``text`` is what the form is to hold instead of what was asked, "" for that.
    """

    html: str
    csv: str = ""
    text: str = ""


@dataclass(slots=True)
class Job:
    """A piece of work: what was ``asked``, ``done`` of ``total``, then its result or failure."""

    asked: str
    done: int = 0
    total: int = 0
    result: Result | None = None
    failure: str = ""
    stopped: bool = False

    @property
    def over(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.result is not None or bool(self.failure) or self.stopped

    def progress(self, done: int, total: int) -> None:
        """Note how far it has come. Raises Stopped where it is no longer wanted."""
        if self.stopped:
            raise Stopped
        self.done, self.total = done, total


Work = Callable[[Job], Result]


@dataclass(slots=True)
class Desk:
    """A visit's jobs, by the view that shows them."""

    jobs: dict[str, Job] = field(default_factory=dict)

    def clear(self) -> None:
        """Stop everything that is worked on."""
        for job in self.jobs.values():
            job.stopped = True


class Desks:
    """The desks of all visits, and who works at them: one thread at a time."""

    def __init__(self) -> None:
        self._desks: WeakKeyDictionary[Visit, Desk] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._working = threading.Lock()
        self._waiting = 0

    def of(self, visit: Visit) -> Desk:
        """A visit's desk."""
        with self._lock:
            return self._desks.setdefault(visit, Desk())

    def begin(self, visit: Visit, view: str, asked: str, work: Work) -> None:
        """Begin some work in the place of the view's last one."""
        desk = self.of(visit)
        with self._lock:
            if view in desk.jobs:
                desk.jobs[view].stopped = True
            if self._waiting >= _MOST_WAITING:
                desk.jobs[view] = Job(asked, failure=BUSY)
                return
            self._waiting += 1
            desk.jobs[view] = job = Job(asked)
        # A daemon: the program can be stopped although someone waits.
        threading.Thread(target=self._work, args=[job, work], daemon=True).start()

    def _work(self, job: Job, work: Work) -> None:
        try:
            with self._working:
                job.progress(0, 0)
                job.result = work(job)
        except Stopped:
            pass
        except RagError as error:
            job.failure = str(error)
        except Exception:
            job.failure = unforeseen(_log)
        finally:
            with self._lock:
                self._waiting -= 1
