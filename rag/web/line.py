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
from functools import partial
from itertools import count
from typing import Any, TypeVar

import anyio

T = TypeVar("T")

_LOOK = 0.5
"""Seconds after which one who waits hears how many are before."""

_LLMS = 24
"""Steps of LLMs' answers at once: each holds a thread while its service is silent."""

_OVER: Any = object()


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
        place = self._join()
        try:
            await place.wait()
            return await anyio.to_thread.run_sync(work)
        finally:
            self._leave(place)

    async def beside(self, work: Callable[[], T]) -> T:
        """What the work gives that mostly waits for an LLM: not in line. Raises what it raises."""
        return await anyio.to_thread.run_sync(work, limiter=self._llms)

    async def each(self, steps: Generator[T], turns: int) -> AsyncGenerator[T | int]:
        """The steps, each made in a thread, and while one waits for its turn, how many are before it.

        The first step says what is to be done, and is no work. The next ``turns`` of them are and
        stand in line; with none, an LLM is what is waited for. Closing this closes ``steps``.
        """
        step: Callable[[], T] = partial(next, steps, _OVER)
        elsewhere = anyio.to_thread.run_sync if turns else self.beside
        with closing(steps):
            for number in count():
                if 1 <= number <= turns:
                    place = self._join()
                    try:
                        while not await _within(place, _LOOK):
                            yield self._places.index(place) + 1 - self._width
                        made = await anyio.to_thread.run_sync(step)
                    finally:
                        self._leave(place)
                else:
                    made = await elsewhere(step)
                if made is _OVER:
                    return
                yield made

    def _join(self) -> asyncio.Event:
        place = asyncio.Event()
        self._places.append(place)
        self._admit()
        return place

    def _leave(self, place: asyncio.Event) -> None:
        self._places.remove(place)
        self._admit()

    def _admit(self) -> None:
        for place in self._places[: self._width]:
            place.set()


async def _within(place: asyncio.Event, seconds: float) -> bool:
    """Whether the place is reached within the time."""
    try:
        async with asyncio.timeout(seconds):
            await place.wait()
    except TimeoutError:
        return False
    return True
