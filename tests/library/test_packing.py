"""What goes into the database comes out of it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import pytest

from rag.library.builds import build
from rag.library.index import Index
from rag.types import Box, Chunk, Page, Reading, Span
from tests.workshop import (
    RECIPE,
    Workshop,
    check_consistent,
    chunk,
    parse,
    with_spans,
    write_reading,
)


def test_no_field_of_the_values_is_left_unwritten(two: list[Reading]) -> None:
    """The readings above say something in every field, so that one that is not kept is missed."""
    pages = parse(two[0])
    block, first = pages[0].blocks[1], chunk(two[0], pages)[0]
    # That a page's hidden words are kept tests/test_injection.py sees.
    page = replace(pages[0], hidden=1, layer=1)
    one = block, replace(first, start=1), first.window, page, block.cells[0]
    for value in one:
        for field_ in fields(value):
            assert getattr(value, field_.name) not in (field_.default, (), "", None), field_


def test_positions_are_kept_to_a_hundredth_of_a_point(folder: Path, two: list[Reading]) -> None:
    fine = Span(0, 9, Box(1, 1 / 3, 2 / 3, 99.999, 4000.125001))

    def finer(reading: Reading, pages: Sequence[Page]) -> list[Chunk]:
        return [with_spans(c, (fine,)) for c in chunk(reading, pages)]

    parts = replace(Workshop().parts(), chunk=finer)
    build(folder, RECIPE, two, parts, Workshop().progress)
    (span,) = Index.open(folder, RECIPE).chunk(0).window.spans
    assert span == Span(0, 9, Box(1, 0.33, 0.67, 100.0, 4000.13))


@pytest.mark.parametrize("cents", range(0, 120_000, 7919))
def test_positions_of_two_decimals_are_exact(cents: int, folder: Path, two: list[Reading]) -> None:
    boxes = [
        Box(1, c / 100, float(f"{c // 100}.{c % 100:02}"), 0, 0) for c in range(cents, cents + 99)
    ]
    spans = tuple(Span(i, i + 1, box) for i, box in enumerate(boxes))
    parts = replace(Workshop().parts(), chunk=lambda r, p: [with_spans(chunk(r, p)[0], spans)])
    build(folder, RECIPE, two, parts, Workshop().progress)
    assert Index.open(folder, RECIPE).chunk(0).window.spans[:] == spans


def test_odd_text_survives(folder: Path, tmp_path: Path) -> None:
    odd = "nul \0 tab\t 'quote' \"double\" \\ ℝ 𝑡𝑒𝑚𝑝 {json} ﬁ\u200b\ufffd"
    reading = write_reading(tmp_path / "ödd 'name'.txt", odd, title="T\n\u2028")
    Workshop().build(folder, [reading])
    check_consistent(Index.open(folder, RECIPE), [reading])


def test_the_database_holds_plain_tables(built: Path) -> None:
    (path,) = built.glob("builds/*/chunks.sqlite")
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT row FROM chunk ORDER BY row").fetchall() == [
            (i,) for i in range(5)
        ]
        plan = db.execute("EXPLAIN QUERY PLAN SELECT row FROM chunk WHERE chunk_id = ''").fetchall()
    db.close()
    assert "USING" in plan[0][3]
