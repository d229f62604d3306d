"""Whose work is done next where more is asked than can be done at once."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from rag.web.line import Line, Work


def run(coroutine):
    """What it gives, on a loop and in a thread of its own: the browser's is in the tests' own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result(30)


@asynccontextmanager
async def taken(line):
    """One works meanwhile where there is room for one."""
    go = threading.Event()
    first = asyncio.ensure_future(line.run(lambda: go.wait(5)))
    await asyncio.sleep(0.05)
    yield
    go.set()
    await first


def test_as_many_work_at_once_as_there_is_room_for_and_in_the_order_they_came():
    at_work, most, order = 0, 0, []
    lock, go = threading.Lock(), threading.Event()

    def work(number):
        nonlocal at_work, most
        with lock:
            order.append(number)
            at_work += 1
            most = max(most, at_work)
        go.wait(5)
        with lock:
            at_work -= 1
        return number

    async def all_at_once():
        line = Line(2)
        running = [asyncio.ensure_future(line.run(lambda n=n: work(n))) for n in range(9)]
        await asyncio.sleep(0.1)
        go.set()
        return await asyncio.gather(*running)

    assert run(all_at_once()) == list(range(9))
    assert most == 2
    # Two threads may overtake each other, none more than that.
    assert all(abs(at - number) <= 2 for at, number in enumerate(order))


def test_who_waits_hears_how_many_are_before():
    go = threading.Event()

    def steps():
        yield "asked"
        yield Work()
        yield "answered"

    async def heard():
        line = Line(1)
        others = [asyncio.ensure_future(line.run(lambda: go.wait(5))) for _ in range(3)]
        await asyncio.sleep(0.05)
        said = []
        async for step in line.each(steps()):
            said.append(step)
            if isinstance(step, int):
                go.set()
        await asyncio.gather(*others)
        return said

    assert run(heard()) == ["asked", 3, "answered"]


def test_what_waits_for_an_llm_holds_nobody_up():
    silent = threading.Event()

    def from_an_llm():
        yield "asked"
        silent.wait(5)
        yield "answered"

    async def beside():
        line = Line(1)
        answer = line.each(from_an_llm())
        assert await anext(answer) == "asked"
        slow = asyncio.ensure_future(anext(answer))
        quick = await asyncio.wait_for(line.run(lambda: "quick"), 2)
        assert not slow.done()
        silent.set()
        return quick, await slow

    assert run(beside()) == ("quick", "answered")


def test_who_gives_up_leaves_the_line_and_its_steps_are_closed():
    closed = []

    def steps():
        try:
            yield "asked"
            yield Work()
            yield "never"
        finally:
            closed.append(True)

    async def given_up():
        line = Line(1)
        async with taken(line):
            waiting = line.each(steps())
            assert [await anext(waiting), await anext(waiting)] == ["asked", 1]
            await waiting.aclose()
        return await asyncio.wait_for(line.run(lambda: "next"), 2)

    assert run(given_up()) == "next"
    assert closed == [True]


def test_work_that_fails_makes_room_for_the_next():
    def fails():
        raise LookupError("no")

    async def after_a_failure():
        line = Line(1)
        with pytest.raises(LookupError):
            await line.run(fails)
        return await asyncio.wait_for(line.run(lambda: "next"), 2)

    assert run(after_a_failure()) == "next"


def test_what_is_no_longer_wanted_is_not_waited_for():
    wanted = [True]

    def steps():
        yield "asked"
        yield Work(lambda: wanted[0])
        yield "stopped"

    async def stopped():
        line = Line(1)
        async with taken(line):
            waiting = line.each(steps())
            assert [await anext(waiting), await anext(waiting)] == ["asked", 1]
            wanted[0] = False
            said = await asyncio.wait_for(anext(waiting), 2)
            await waiting.aclose()
        return said

    assert run(stopped()) == "stopped"


def test_a_place_is_free_only_when_work_that_was_given_up_has_ended():
    begun, go, closed = threading.Event(), threading.Event(), []

    def steps():
        try:
            yield Work()
            begun.set()
            go.wait(5)
            yield "late"
        finally:
            closed.append(True)

    async def cancelled():
        line = Line(1)
        going = asyncio.ensure_future(anext(line.each(steps())))
        await asyncio.to_thread(begun.wait, 5)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        following = asyncio.ensure_future(line.run(lambda: "next"))
        await asyncio.sleep(0.1)
        assert not following.done()
        assert not closed
        go.set()
        return await asyncio.wait_for(following, 2)

    assert run(cancelled()) == "next"
    assert closed == [True]


def test_a_step_that_is_given_up_ends_before_its_steps_are_closed():
    begun, go, closed = threading.Event(), threading.Event(), threading.Event()

    def from_an_llm():
        try:
            yield "asked"
            begun.set()
            go.wait(5)
            yield "late"
        finally:
            closed.set()

    async def cancelled():
        answer = Line(1).each(from_an_llm())
        assert await anext(answer) == "asked"
        going = asyncio.ensure_future(anext(answer))
        await asyncio.to_thread(begun.wait, 5)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        assert not closed.is_set()
        go.set()
        return await asyncio.to_thread(closed.wait, 5)

    assert run(cancelled())
