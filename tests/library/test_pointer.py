"""Which build is in use, and which ones stay."""

from pathlib import Path

import pytest

from rag.errors import IndexFailure, IndexMissing
from rag.library.index import Index
from rag.types import Reading
from tests.workshop import RECIPE, Workshop, check_consistent, snapshot


def test_no_index_says_how_to_make_one(folder: Path) -> None:
    with pytest.raises(IndexMissing, match=r"no index in .*python -m rag.index"):
        Index.open(folder, RECIPE)
    folder.mkdir(parents=True)
    with pytest.raises(IndexMissing):
        Index.open(folder, None)


@pytest.mark.parametrize("text", ["", "../../etc", "{}", "\xff\xfe", "0123456789abcdef"])
def test_a_pointer_to_nowhere_is_damage(built: Path, two: list[Reading], text: str) -> None:
    (built / "current").write_bytes(text.encode("latin-1"))
    with pytest.raises(IndexFailure, match=r"is damaged .*python -m rag.index"):
        Index.open(built, RECIPE)
    Workshop().build(built, two)
    check_consistent(Index.open(built, RECIPE), two)


def test_a_build_that_is_returned_to_is_not_replaced_under_its_readers(
    built: Path, two: list[Reading]
) -> None:
    build_folder = Index.open(built, RECIPE).folder
    before = snapshot(build_folder)
    Workshop().build(built, two[:1])
    Workshop().build(built, two)
    assert Index.open(built, RECIPE).folder == build_folder
    assert snapshot(build_folder) == before


def test_only_the_build_in_use_and_the_one_before_stay(built: Path, two: list[Reading]) -> None:
    names = [(built / "current").read_text().strip()]
    for wish in (two[:1], two[1:], two[::-1]):
        Workshop().build(built, wish)
        names.append((built / "current").read_text().strip())
    assert {path.name for path in (built / "builds").iterdir()} == set(names[-2:])


def test_what_dead_builders_left_behind_is_removed(built: Path, two: list[Reading]) -> None:
    dead = built / "builds" / "0123456789abcdef.tmp-1"
    (dead / "sub").mkdir(parents=True)
    (dead / "sub" / "file").write_text("x")
    (built / "current.tmp-1").write_text("x")
    Workshop().build(built, two[:1])
    assert not list(built.rglob("*.tmp-*"))
