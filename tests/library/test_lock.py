"""One builder at a time."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag.errors import IndexFailure
from rag.library.builds import build
from rag.library.index import Index
from rag.types import Page, Reading
from tests.workshop import RECIPE, Workshop, check_consistent, parse, with_parse


class Gate:
    """A parser that waits inside a build until it is let go."""

    def __init__(self) -> None:
        self.inside = threading.Event()
        self.go = threading.Event()

    def __call__(self, reading: Reading) -> list[Page]:
        self.inside.set()
        assert self.go.wait(30)
        return parse(reading)


def test_the_second_builder_says_who_holds_the_lock(folder: Path, two: list[Reading]) -> None:
    gate = Gate()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(build, folder, RECIPE, two, with_parse(gate), Workshop().progress)
        assert gate.inside.wait(30)
        with pytest.raises(IndexFailure, match=rf"process {os.getpid()} on \S+ since 20.*again"):
            Workshop().build(folder, two, wait=0.1)
        gate.go.set()
        assert first.result().rebuilt == ("attention", "code")
    assert not (folder / "holder").exists()
    check_consistent(Index.open(folder, RECIPE), two)


def test_the_second_builder_waits_and_finds_the_work_done(folder: Path, two: list[Reading]) -> None:
    gate, workshop = Gate(), Workshop()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(build, folder, RECIPE, two, with_parse(gate), Workshop().progress)
        assert gate.inside.wait(30)
        second = pool.submit(workshop.build, folder, two, 30)
        gate.go.set()
        assert not first.result().unchanged
        assert second.result().unchanged
    assert workshop.parsed == []


def test_builders_with_different_wishes_come_one_after_the_other(
    folder: Path, two: list[Reading]
) -> None:
    wishes = [two, two[:1], two[::-1], two[1:]] * 4
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda wish: Workshop().build(folder, wish, 60), wishes))
    index = Index.open(folder, RECIPE)
    check_consistent(index, next(wish for wish in wishes if tuple(wish) == index.readings))
