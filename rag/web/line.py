"""Who is answered next where more is asked than the processors can do at once.

All that an answer in the readings' own words takes is work for the processor: begun at once, fifty
answers would hold each other up and all come late. So they stand in line, and see how many are before
them. An answer of an LLM mostly waits for its service; it does not stand in the way of the others.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import anyio

T = TypeVar("T")

_LOOK = 0.5
"""Seconds after which one who waits hears how many are before."""

_LLMS = 24
"""Steps of LLMs' answers at once: each holds a thread while its service is silent."""

_OVER: Any = object()


@dataclass(frozen=True, slots=True)
class Work:
    """Said among steps: the next one is work, and stands in line while it is ``wanted``."""

    wanted: Callable[[], bool] = lambda: True


class Line:
    """Does at most ``width`` pieces of work at once, in the order in which they came.

    It belongs to the event loop that serves the page; the work itself is done in threads. What is
    given up leaves the line, or, where its work has begun, when that has ended.
    """

    def __init__(self, width: int = 0) -> None:
        """``width`` 0 is as many as there are processors."""
        self._width = width or os.cpu_count() or 1
        self._places: list[asyncio.Event] = []  # the first ``width`` of them are being served
        self._llms = anyio.CapacityLimiter(_LLMS)

    async def run(self, work: Callable[[], T]) -> T:
        """What the work gives. Raises what the work raises."""
        with closing(_Place(self)) as place:
            await place.reached.wait()
            return await asyncio.shield(place.begin(work))

    async def beside(self, work: Callable[[], T]) -> T:
        """What the work gives that mostly waits for an LLM: not in line. Raises what it raises."""
        return await asyncio.shield(_begin(work, self._llms))

    async def each(self, steps: Generator[T | Work]) -> AsyncGenerator[T | int]:
        """The steps, each made in a thread, and while one that is work waits for its turn, how many
        are before it. Closing this closes ``steps``.

        The first step only says what is to be done, and those behind work are quick; where no work
        is said to follow, an LLM is waited for.
        """
        step: Callable[[], T | Work] = partial(next, steps, _OVER)
        limiter: anyio.CapacityLimiter | None = self._llms
        making = _begin(step)
        try:
            while (made := await asyncio.shield(making)) is not _OVER:
                if isinstance(made, Work):
                    limiter = None
                    with closing(_Place(self)) as place:
                        while made.wanted() and not await place.reached_soon():
                            yield place.ahead
                        making = place.begin(step)
                        await asyncio.wait({making})
                else:
                    yield made
                    making = _begin(step, limiter)
        finally:
            _after(making, steps.close)

    def join(self, place: asyncio.Event) -> None:
        """Stand at the end."""
        self._places.append(place)
        self._admit()

    def leave(self, place: asyncio.Event) -> None:
        """Stand there no more."""
        self._places.remove(place)
        self._admit()

    def ahead(self, place: asyncio.Event) -> int:
        """How many must be done before it is served, at least 1."""
        return self._places.index(place) + 1 - self._width

    def _admit(self) -> None:
        for place in self._places[: self._width]:
            place.set()


class _Place:
    """A place in a line, left when it is closed or, where work has begun, when that has ended."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.reached = asyncio.Event()
        self.work: asyncio.Future[Any] | None = None
        line.join(self.reached)

    @property
    def ahead(self) -> int:
        return self._line.ahead(self.reached)

    async def reached_soon(self) -> bool:
        """Whether it is reached, after half a second at most."""
        try:
            async with asyncio.timeout(_LOOK):
                await self.reached.wait()
        except TimeoutError:
            pass
        return self.reached.is_set()

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """The work, which now keeps the place."""
        self.work = _begin(work)
        return self.work

    def close(self) -> None:
        _after(self.work, lambda: self._line.leave(self.reached))


def _begin(
    work: Callable[[], T], limiter: anyio.CapacityLimiter | None = None
) -> asyncio.Future[T]:
    """The work, begun in a thread. That cannot be called back: who awaits it shields it, and leaves
    it alone when cancelled.
    """
    begun = asyncio.ensure_future(anyio.to_thread.run_sync(work, limiter=limiter))
    begun.add_done_callback(lambda done: done.cancelled() or done.exception())
    return begun


def _after(work: asyncio.Future[Any] | None, then: Callable[[], None]) -> None:
    """Do something once no thread is at that work."""
    if work is None or work.done():
        then()
    else:
        work.add_done_callback(lambda _: then())
