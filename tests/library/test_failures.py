"""A disk that takes no more, and places that take nothing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import IndexFailure, IndexMissing
from rag.library.index import Index
from rag.types import Reading
from tests.workshop import CODE, RECIPE, Workshop, check_consistent, write_reading


def test_a_file_in_the_way_is_no_index(tmp_path: Path, two: list[Reading]) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexFailure, match=r"file is no folder.*RAG_INDEX"):
        Index.open(tmp_path / "file", RECIPE)
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(IndexFailure, match=r"could not be written to .*RAG_INDEX"):
            Workshop().build(place, two)
    assert (tmp_path / "file").read_text() == "x"


def write_as_much_as(limit: int, folder: Path, corpus: Path) -> subprocess.CompletedProcess[str]:
    """Build in a process whose files may not grow beyond ``limit`` bytes."""
    program = (
        "import resource, sys; from pathlib import Path;"
        "import tests.workshop as t; from rag.errors import IndexFailure;"
        "r = [t.write_reading(Path(sys.argv[2]) / 'big.txt', '# A\\n' + t.CODE * 50)];"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "try: t.Workshop().build(Path(sys.argv[1]), r)\n"
        "except IndexFailure as error: sys.exit(str(error))"
    )
    arguments = [str(folder), str(corpus), str(limit)]
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
@pytest.mark.parametrize("limit", [0, 10, 5000, 20_000, 60_000])
def test_files_that_may_not_grow_cost_nothing(
    built: Path, two: list[Reading], tmp_path: Path, limit: int
) -> None:
    result = write_as_much_as(limit, built, tmp_path)
    assert result.returncode == 1, result.stderr
    assert "could not be written" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Free space there, or set RAG_INDEX to another folder" in result.stderr
    assert not list(built.rglob("*.tmp-*"))
    check_consistent(Index.open(built, RECIPE), two)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_costs_nothing(small_disk: Path, two: list[Reading]) -> None:
    folder = small_disk / "index"
    Workshop().build(folder, two)
    big = write_reading(two[0].path.parent / "big.txt", CODE * 300)
    with pytest.raises(IndexFailure, match=r"could not be written to .*Free space") as caught:
        Workshop().build(folder, [*two, big])
    assert "full" in str(caught.value) or "space" in str(caught.value)
    assert not list(folder.rglob("*.tmp-*"))
    index = Index.open(folder, RECIPE)
    check_consistent(index, two)
    index.close()
    Workshop().build(folder, two[:1])
    index = Index.open(folder, RECIPE)
    check_consistent(index, two[:1])
    index.close()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a place nobody can write to")
def test_a_place_that_cannot_be_written_is_refused(two: list[Reading]) -> None:
    with pytest.raises(IndexFailure, match=r"/proc/self/index.*RAG_INDEX"):
        Workshop().build(Path("/proc/self/index"), two)
    with pytest.raises(IndexMissing):
        Index.open(Path("/proc/self/index"), RECIPE)
