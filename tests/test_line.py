"""Whose work is done next where more is asked than can be done at once."""

import asyncio
import threading

import pytest

from rag.web.line import Line


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

    assert asyncio.run(all_at_once()) == list(range(9))
    assert most == 2
    assert sorted(order[:2]) == [0, 1]
    assert [n // 2 for n in order[2:]] == sorted(n // 2 for n in order[2:])


def test_who_waits_hears_how_many_are_before():
    go = threading.Event()

    def steps():
        yield "asked"
        yield "answered"

    async def heard():
        line = Line(1)
        others = [asyncio.ensure_future(line.run(lambda: go.wait(5))) for _ in range(3)]
        await asyncio.sleep(0.05)
        said = []
        async for step in line.each(steps(), turns=1):
            said.append(step)
            if isinstance(step, int):
                go.set()
        await asyncio.gather(*others)
        return said

    assert asyncio.run(heard()) == ["asked", 3, "answered"]


def test_what_waits_for_an_llm_holds_nobody_up():
    silent = threading.Event()

    def from_an_llm():
        yield "asked"
        silent.wait(5)
        yield "answered"

    async def beside():
        line = Line(1)
        answer = line.each(from_an_llm(), turns=0)
        assert await anext(answer) == "asked"
        slow = asyncio.ensure_future(anext(answer))
        quick = await asyncio.wait_for(line.run(lambda: "quick"), 2)
        assert not slow.done()
        silent.set()
        return quick, await slow

    assert asyncio.run(beside()) == ("quick", "answered")


def test_who_gives_up_leaves_the_line_and_its_steps_are_closed():
    go, closed = threading.Event(), []

    def steps():
        try:
            yield "asked"
            yield "never"
        finally:
            closed.append(True)

    async def given_up():
        line = Line(1)
        first = asyncio.ensure_future(line.run(lambda: go.wait(5)))
        await asyncio.sleep(0.05)
        waiting = line.each(steps(), turns=1)
        assert [await anext(waiting), await anext(waiting)] == ["asked", 1]
        await waiting.aclose()
        go.set()
        await first
        return await asyncio.wait_for(line.run(lambda: "next"), 2)

    assert asyncio.run(given_up()) == "next"
    assert closed == [True]


def test_work_that_fails_makes_room_for_the_next():
    def fails():
        raise LookupError("no")

    async def after_a_failure():
        line = Line(1)
        with pytest.raises(LookupError):
            await line.run(fails)
        return await asyncio.wait_for(line.run(lambda: "next"), 2)

    assert asyncio.run(after_a_failure()) == "next"
