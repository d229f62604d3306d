"""One bad reading never stops a build, and the fault of a part is called so."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexFailure, ReadingError
from rag.library.builds import build
from rag.library.index import Index
from rag.types import Page, Reading
from tests.workshop import (
    ATTENTION,
    RECIPE,
    Workshop,
    check_consistent,
    chunk,
    parse,
    with_parse,
    write_reading,
)


@pytest.mark.parametrize("error", [ReadingError("page 3 is locked"), ZeroDivisionError("oops")])
def test_a_reading_that_cannot_be_read_is_left_out_and_named(
    folder: Path, two: list[Reading], error: Exception
) -> None:
    def bad(reading: Reading) -> Sequence[Page]:
        if reading.reading_id == "attention":
            raise error
        return parse(reading)

    report = build(folder, RECIPE, two, with_parse(bad), Workshop().progress)
    (left_out,) = report.left_out
    assert left_out[0] == "attention"
    assert str(error) in left_out[1]
    index = Index.open(folder, RECIPE)
    assert index.left_out == report.left_out
    check_consistent(index, two[1:])

    again = Workshop()
    report = again.build(folder, two)
    assert report.unchanged
    assert report.left_out == (left_out,)
    assert again.parsed == []

    mended = Workshop().build(folder, [two[0], replace(two[1], year=1999)])
    assert (mended.rebuilt, mended.left_out) == (("attention",), ())


def test_a_bad_file_that_was_replaced_is_read(folder: Path, two: list[Reading]) -> None:
    scan = write_reading(two[0].path, "\f\f")
    report = Workshop().build(folder, [scan, two[1]])
    assert report.left_out == (
        (
            "attention",
            "there is no text on any of its 3 pages: "
            "a scan without a text layer, or a damaged file",
        ),
    )
    good = write_reading(two[0].path, ATTENTION)
    report = Workshop().build(folder, [good, two[1]])
    assert (report.rebuilt, report.left_out) == (("attention",), ())


def test_a_bad_reading_that_disappeared_is_forgotten(folder: Path, two: list[Reading]) -> None:
    scan = write_reading(two[0].path, "\f\f")
    Workshop().build(folder, [scan, two[1]])
    assert not Workshop().build(folder, two[1:]).unchanged
    assert Index.open(folder, RECIPE).left_out == ()


@pytest.mark.parametrize("where", ["text", "label"])
def test_half_characters_cost_one_reading_only(
    folder: Path, two: list[Reading], where: str
) -> None:
    def broken(reading: Reading) -> Sequence[Page]:
        pages = parse(reading)
        if reading.reading_id == "attention" and where == "label":
            return [replace(page, label="\ud835") for page in pages]
        if reading.reading_id == "attention":
            block = replace(pages[0].blocks[1], text="half a \ud835")
            return [replace(pages[0], blocks=(block,))]
        return pages

    report = build(folder, RECIPE, two, with_parse(broken), Workshop().progress)
    assert [reading_id for reading_id, _ in report.left_out] == ["attention"]
    check_consistent(Index.open(folder, RECIPE), two[1:])


def test_a_chunk_too_long_to_embed_is_a_fault_of_the_chunker(
    built: Path, two: list[Reading]
) -> None:
    long = write_reading(two[0].path, "# A\n" + "word " * 60)
    with pytest.raises(IndexFailure, match=r"of attention has 64 word pieces.*reads 40.*chunker"):
        Workshop().build(built, [long, two[1]])
    assert len(Index.open(built, RECIPE)) == 5


def test_vectors_of_another_length_are_a_fault_of_the_embedder(
    folder: Path, two: list[Reading]
) -> None:
    recipe, workshop = replace(RECIPE, dim=65), Workshop()
    with pytest.raises(IndexFailure, match=r"words returned.*\(5, 64\).*65 numbers.*RAG_EMBEDDER"):
        build(folder, recipe, two, workshop.parts(), workshop.progress)


def test_chunks_of_one_id_are_a_fault_of_the_chunker(folder: Path, two: list[Reading]) -> None:
    parts = replace(Workshop().parts(), chunk=lambda r, p: chunk(r, p) * 2)
    with pytest.raises(IndexFailure, match=r"same name .*chunk.chunk_id.*report"):
        build(folder, RECIPE, two, parts, Workshop().progress)
    assert not list(folder.rglob("*.tmp-*"))


def test_reused_vectors_are_the_same_to_the_last_bit(built: Path, two: list[Reading]) -> None:
    before = np.array(Index.open(built, RECIPE).embedded().vectors)
    Workshop().build(built, two[1:])
    assert np.array_equal(Index.open(built, RECIPE).embedded().vectors, before[3:])
