"""A build does only what has to be done, and costs nothing if it fails."""

import pickletools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import IndexFailure, ReadingError
from rag.library.builds import build
from rag.library.index import Index
from rag.types import Reading
from tests.workshop import (
    RECIPE,
    Workshop,
    check_consistent,
    search_texts,
    snapshot,
    with_parse,
    write_reading,
)


def test_an_unchanged_index_is_left_alone(built: Path, two: list[Reading]) -> None:
    before, workshop = snapshot(built), Workshop()
    report = workshop.build(built, two)
    assert report.unchanged
    assert (report.reused, report.rebuilt) == (("attention", "code"), ())
    assert (report.readings, report.chunks) == (tuple(two), 5)
    assert (workshop.parsed, workshop.loaded, workshop.stages) == ([], 0, [])
    assert snapshot(built) == before


def test_only_a_new_reading_is_parsed_and_embedded(folder: Path, two: list[Reading]) -> None:
    Workshop().build(folder, two[:1])
    workshop = Workshop()
    report = workshop.build(folder, two[::-1])
    assert (report.reused, report.rebuilt) == (("attention",), ("code",))
    assert workshop.parsed == ["code"]
    assert workshop.embedded == search_texts(two[1:])
    check_consistent(Index.open(folder, RECIPE), two[::-1])


def test_a_reading_that_disappeared_leaves_the_index(built: Path, two: list[Reading]) -> None:
    workshop = Workshop()
    report = workshop.build(built, two[1:])
    assert (report.reused, report.rebuilt, workshop.loaded) == (("code",), (), 0)
    check_consistent(Index.open(built, RECIPE), two[1:])


def test_a_file_that_moved_is_found_at_its_new_place(built: Path, two: list[Reading]) -> None:
    moved = [replace(r, path=r.path.rename(r.path.with_suffix(".moved")), year=1) for r in two]
    workshop = Workshop()
    assert workshop.build(built, moved).reused == ("attention", "code")
    assert (workshop.parsed, workshop.loaded) == ([], 0)
    check_consistent(Index.open(built, RECIPE), moved)


@pytest.mark.parametrize("change", [{"title": "New"}, {"kind": "guide"}, {"sha256": "0" * 64}])
def test_a_changed_reading_is_read_again(
    built: Path, two: list[Reading], change: dict[str, object]
) -> None:
    changed = [replace(two[0], **change), two[1]]  # type: ignore[arg-type]
    report = Workshop().build(built, changed)
    assert (report.reused, report.rebuilt) == (("code",), ("attention",))
    check_consistent(Index.open(built, RECIPE), changed)


def test_stages_are_told_and_timed(folder: Path, two: list[Reading]) -> None:
    workshop = Workshop()
    report = workshop.build(folder, two)
    assert [name for name, _ in report.seconds] == ["parse", "embed", "write"]
    assert all(seconds >= 0 for _, seconds in report.seconds)
    last = {stage: (done, total) for stage, done, total in workshop.stages}
    assert last == {"parse": (2, 2), "embed": (5, 5), "write": (3, 3)}


def test_no_usable_reading_leaves_the_earlier_index(built: Path, two: list[Reading]) -> None:
    before = snapshot(built / "builds")
    with pytest.raises(IndexFailure, match=r"no reading to put into .*RAG_CORPUS"):
        Workshop().build(built, [])
    scan = write_reading(two[0].path, "\f\f")
    with pytest.raises(IndexFailure, match=r"None of the readings.*attention: there is no text"):
        Workshop().build(built, [scan])
    assert snapshot(built / "builds") == before
    assert len(Index.open(built, RECIPE)) == 5


def test_two_files_of_one_id_are_refused(folder: Path, two: list[Reading]) -> None:
    twin = replace(two[1], reading_id="attention")
    with pytest.raises(ReadingError, match=r"attention.txt and .*code.txt are both .*'attention'"):
        Workshop().build(folder, [two[0], twin])


def test_ctrl_c_leaves_the_earlier_index(built: Path, two: list[Reading]) -> None:
    def interrupted(texts: Sequence[str], folder: Path) -> None:
        raise KeyboardInterrupt

    for parts in (
        replace(Workshop().parts(), write_lexical=interrupted),
        with_parse(lambda reading: interrupted([], built)),  # type: ignore[arg-type,func-returns-value]
    ):
        with pytest.raises(KeyboardInterrupt):
            build(built, replace(RECIPE, parser="new"), two, parts, Workshop().progress)
        check_consistent(Index.open(built, RECIPE), two)
        assert not list(built.rglob("*.tmp-*"))


def test_nothing_on_disk_is_a_pickle(built: Path) -> None:
    for path in built.rglob("*"):
        if path.is_file() and path.stat().st_size:
            with pytest.raises(ValueError):
                list(pickletools.genops(path.read_bytes()))
