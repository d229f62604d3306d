"""A build that dies costs nothing: it is killed for real, at random and at every step it takes.

Run as a program, this file is the builder that gets killed.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from itertools import count, cycle
from pathlib import Path

import pytest

from rag.errors import IndexMissing
from rag.library.index import Index
from rag.types import Reading
from tests.workshop import ATTENTION, CODE, RECIPE, Workshop, check_consistent, write_reading

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL and fork")

STEPS = ("open", "os.", "shutil.", "sqlite3.", "fcntl.")
"""The beginnings of the names of audit events after which the disk may look different."""


def versions(corpus: Path) -> list[list[Reading]]:
    """Three reading lists: as only two builds are kept, each one has to be built every time."""
    corpus.mkdir(exist_ok=True)
    old, new = CODE, CODE.replace("source code", "program text") + "\n\nNothing is left out."
    attention = write_reading(corpus / "attention.txt", ATTENTION)
    return [
        [attention, write_reading(corpus / "code.txt", old)],
        [attention, write_reading(corpus / "newer.txt", new)],
        [write_reading(corpus / "code.txt", old), attention],
    ]


def check_one_of(folder: Path, lists: list[list[Reading]]) -> int:
    """Which of the reading lists a whole index is found for."""
    index = Index.open(folder, RECIPE)
    with contextlib.closing(index):
        which = [tuple(readings) for readings in lists].index(index.readings)
        check_consistent(index, lists[which])
    return which


def start_program(place: Path, *mode: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, str(place / "index"), str(place / "corpus"), *mode]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_a_builder_killed_at_random_moments_leaves_a_whole_index(tmp_path: Path) -> None:
    folder, lists = tmp_path / "index", versions(tmp_path / "corpus")
    chance, seen = random.Random(7), set()
    for _ in range(20):
        with start_program(tmp_path) as builder:
            assert builder.stdout is not None
            assert builder.stdout.readline() == "building\n"
            time.sleep(chance.uniform(0, 0.1))
            builder.kill()
        assert builder.returncode == -signal.SIGKILL
        seen.add(check_one_of(folder, lists))
        # The next builder is stopped by nothing that the dead one held.
        Workshop().build(folder, lists[0], wait=5)
        assert check_one_of(folder, lists) == 0
    assert len(seen) > 1


def kill_at(step: int, folder: Path, readings: list[Reading]) -> bool:
    """Whether a build in a child process got so far as to be killed just before this step."""
    child = os.fork()
    if child == 0:
        steps = count(1)

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event.startswith(STEPS) and next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        with contextlib.suppress(BaseException):
            Workshop().build(folder, readings)
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def kill_at_every_step(folder: Path, corpus: Path) -> None:
    """Go through all steps of a first build, of the next one, and of mending a damaged one."""
    lists = versions(corpus)
    step, missing = 1, 0
    while kill_at(step, folder, lists[0]):
        try:
            assert check_one_of(folder, lists) == 0
            break
        except IndexMissing:
            step, missing = step + 1, missing + 1
    Workshop().build(folder, lists[0])
    Workshop().build(folder, lists[2])
    seen, step = [], 1
    while kill_at(step, folder, lists[1]):
        seen.append(check_one_of(folder, lists))
        Workshop().build(folder, lists[0])
        Workshop().build(folder, lists[2])
        step += 1
    assert check_one_of(folder, lists) == 1
    before, after = seen.count(2), seen.count(1)
    assert seen == [2] * before + [1] * after
    sys.stdout.write(f"{missing} {before} {after}")


def test_a_builder_killed_at_any_step_leaves_the_earlier_or_the_later_index(
    tmp_path: Path,
) -> None:
    # In a process of its own: this one may have threads, and a fork takes only one along.
    with start_program(tmp_path, "steps") as program:
        output, _ = program.communicate()
    assert program.returncode == 0
    missing, before, after = map(int, output.split())
    assert missing > 30
    assert before > 30
    assert after > 3


if __name__ == "__main__":
    if sys.argv[3:] == ["steps"]:
        kill_at_every_step(Path(sys.argv[1]), Path(sys.argv[2]))
        sys.exit()
    wishes = versions(Path(sys.argv[2]))
    for _wish in wishes:
        Workshop().build(Path(sys.argv[1]), _wish)
    sys.stdout.write("building\n")
    sys.stdout.flush()
    for _wish in cycle(wishes):
        Workshop().build(Path(sys.argv[1]), _wish)
