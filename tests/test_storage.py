"""The index on disk."""

import json
import os
import pickletools
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexFailure, IndexMissing, IndexStale, ReadingError
from rag.library.builds import build
from rag.library.index import Index
from rag.library.manifest import SCHEMA
from rag.stores import faiss as faiss_store
from rag.types import Box, Chunk, Page, Reading, Span
from tests.workshop import (
    ATTENTION,
    CODE,
    RECIPE,
    WordEmbedder,
    Workshop,
    check_consistent,
    chunk,
    parse,
    search_texts,
    snapshot,
    with_parse,
    write_reading,
)


@pytest.fixture
def two(tmp_path: Path) -> list[Reading]:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    return [
        write_reading(corpus / "attention.txt", ATTENTION),
        write_reading(corpus / "code.txt", CODE, kind="guide", year=None),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "an index?#%20"


@pytest.fixture
def built(folder: Path, two: list[Reading]) -> Path:
    Workshop().build(folder, two)
    return folder


# What goes in comes out.


def test_what_goes_in_comes_out_the_same(built: Path, two: list[Reading]) -> None:
    index = Index.open(built, RECIPE)
    check_consistent(index, two)
    assert index.recipe == RECIPE
    assert len(index) == 5


def test_no_field_of_the_values_is_left_unwritten(two: list[Reading]) -> None:
    """The readings above say something in every field, so that one that is not kept is missed."""
    pages = parse(two[0])
    one = pages[0].blocks[1], chunk(two[0], pages)[0], pages[0], pages[0].blocks[1].cells[0]
    for value in one:
        for field_ in fields(value):
            assert getattr(value, field_.name) not in (field_.default, (), "", None), field_


def test_a_chunk_s_row_is_its_vector_s_row(built: Path) -> None:
    index = Index.open(built, RECIPE)
    query = WordEmbedder().embed_query("permissively licensed source code")
    rows, _ = faiss_store.open_store(index.folder).search(query, 1)
    assert index.chunk(rows[0]).text.startswith("We collect permissively licensed")


def test_chunks_come_in_the_order_asked_for(built: Path) -> None:
    index = Index.open(built, RECIPE)
    everything = index.chunks(range(5))
    assert index.chunks(np.array([4, 0, 2, 0])) == [everything[i] for i in (4, 0, 2, 0)]
    assert index.chunks([]) == []


def test_rows_of_readings_are_ascending(built: Path) -> None:
    index = Index.open(built, RECIPE)
    assert index.rows_of(frozenset({"attention"})).tolist() == [0, 1, 2]
    assert index.rows_of(frozenset({"code"})).tolist() == [3, 4]
    assert index.rows_of(frozenset({"code", "attention"})).tolist() == [0, 1, 2, 3, 4]
    assert index.rows_of(frozenset()).dtype == np.int64


def test_an_unknown_reading_is_answered_with_the_known_ones(built: Path) -> None:
    index = Index.open(built, RECIPE)
    with pytest.raises(ReadingError, match=r"'latin'.*attention, code"):
        index.rows_of(frozenset({"latin", "code"}))
    with pytest.raises(ReadingError, match=r"'latin'.*attention, code"):
        index.page("latin", 1)


def test_a_page_that_is_not_there_is_refused(built: Path) -> None:
    with pytest.raises(ReadingError, match=r"attention has no page 4: .* 3 pages"):
        Index.open(built, RECIPE).page("attention", 4)


def test_a_row_that_is_not_there_is_damage(built: Path) -> None:
    with pytest.raises(IndexFailure, match=r"no chunk for row 5.*python -m rag.index"):
        Index.open(built, RECIPE).chunks([0, 5])


def test_a_chunk_is_found_by_its_id(built: Path) -> None:
    index = Index.open(built, RECIPE)
    assert index.find(index.chunk(3).chunk_id) == index.chunk(3)
    assert index.find("nothing") is None


def test_positions_are_kept_to_a_hundredth_of_a_point(folder: Path, two: list[Reading]) -> None:
    fine = Span(0, 9, Box(1, 1 / 3, 2 / 3, 99.999, 4000.125001))

    def finer(reading: Reading, pages: Sequence[Page]) -> list[Chunk]:
        return [replace(c, spans=(fine,)) for c in chunk(reading, pages)]

    parts = replace(Workshop().parts(), chunk=finer)
    build(folder, RECIPE, two, parts, Workshop().progress)
    (span,) = Index.open(folder, RECIPE).chunk(0).spans
    assert span == Span(0, 9, Box(1, 0.33, 0.67, 100.0, 4000.13))


@pytest.mark.parametrize("cents", range(0, 120_000, 7919))
def test_positions_of_two_decimals_are_exact(cents: int, folder: Path, two: list[Reading]) -> None:
    boxes = [
        Box(1, c / 100, float(f"{c // 100}.{c % 100:02}"), 0, 0) for c in range(cents, cents + 99)
    ]
    spans = tuple(Span(i, i + 1, box) for i, box in enumerate(boxes))
    parts = replace(Workshop().parts(), chunk=lambda r, p: [replace(chunk(r, p)[0], spans=spans)])
    build(folder, RECIPE, two, parts, Workshop().progress)
    assert Index.open(folder, RECIPE).chunk(0).spans == spans


def test_odd_text_survives(folder: Path, tmp_path: Path) -> None:
    odd = "nul \0 tab\t 'quote' \"double\" \\ ℝ 𝑡𝑒𝑚𝑝 {json} ﬁ\u200b\ufffd"
    reading = write_reading(tmp_path / "ödd 'name'.txt", odd, title="T\n\u2028")
    Workshop().build(folder, [reading])
    check_consistent(Index.open(folder, RECIPE), [reading])


def test_health_says_what_was_read(built: Path) -> None:
    attention, code = Index.open(built, RECIPE).health()
    assert (attention.reading_id, attention.title, attention.kind) == (
        "attention",
        "Attention",
        "paper",
    )
    assert (attention.pages, attention.empty_pages, attention.chunks) == (3, (3,), 3)
    assert attention.blocks == (("heading", 2), ("table", 3))
    assert attention.longest_chunk_tokens == 15
    assert attention.problems == ("No text on page 3.",)
    assert (code.kind, code.problems) == ("guide", ())


def test_health_names_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    reading = write_reading(tmp_path / "bare.txt", "no heading \ufffd\ufffd here")
    parts = replace(
        Workshop().parts(), chunk=lambda r, p: [replace(c, spans=()) for c in chunk(r, p)]
    )
    build(folder, RECIPE, [reading], parts, Workshop().progress)
    assert Index.open(folder, RECIPE).health()[0].problems == (
        "No headings were found, so its passages name no section.",
        "1 of 1 passages cannot be marked on their page.",
        "2 characters could not be read.",
    )


def test_threads_may_read_at_once(built: Path) -> None:
    index = Index.open(built, RECIPE)
    expected = index.chunks(range(5))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: (index.chunk(i % 5), index.page("code", 1)), range(400)))
    assert [c for c, _ in found] == [expected[i % 5] for i in range(400)]


def test_nothing_on_disk_is_a_pickle(built: Path) -> None:
    for path in built.rglob("*"):
        if path.is_file() and path.stat().st_size:
            with pytest.raises(ValueError):
                list(pickletools.genops(path.read_bytes()))


def test_an_index_may_be_moved(built: Path, tmp_path: Path, two: list[Reading]) -> None:
    built.rename(tmp_path / "elsewhere")
    check_consistent(Index.open(tmp_path / "elsewhere", RECIPE), two)


# An index that cannot be used says so.


def test_no_index_says_how_to_make_one(folder: Path) -> None:
    with pytest.raises(IndexMissing, match=r"no index in .*python -m rag.index"):
        Index.open(folder, RECIPE)
    folder.mkdir(parents=True)
    with pytest.raises(IndexMissing):
        Index.open(folder, None)


def test_a_file_in_the_way_is_no_index(tmp_path: Path, two: list[Reading]) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexFailure, match=r"file is no folder.*RAG_INDEX"):
        Index.open(tmp_path / "file", RECIPE)
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(IndexFailure, match=r"could not be written to .*RAG_INDEX"):
            Workshop().build(place, two)
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize(
    "change", [{"embedder": "bge"}, {"dim": 3}, {"chunker": "2"}, {"lexical": "x"}, {"parser": "p"}]
)
def test_another_recipe_is_stale_and_says_in_what(built: Path, change: dict[str, object]) -> None:
    recipe = replace(RECIPE, **change)  # type: ignore[arg-type]
    (name, value), (old,) = *change.items(), [getattr(RECIPE, name) for name in change]
    with pytest.raises(IndexStale, match=rf"{name} {old}, now {value}\).*python -m rag.index"):
        Index.open(built, recipe)
    assert Index.open(built, None).recipe == RECIPE


def test_another_schema_is_stale_and_is_built_anew(built: Path, two: list[Reading]) -> None:
    (manifest,) = built.glob("builds/*/manifest.json")
    manifest.write_text(json.dumps({"schema": SCHEMA + 1, "whatever": []}))
    with pytest.raises(IndexStale, match=r"another version.*layout 2.*python -m rag.index"):
        Index.open(built, None)
    assert Workshop().build(built, two).rebuilt == ("attention", "code")
    check_consistent(Index.open(built, RECIPE), two)


FILES = ("manifest.json", "chunks.sqlite", "vectors.npy", "vectors.faiss", "lexical/lines.json")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "longer"])
def test_damage_is_seen_and_mended(built: Path, two: list[Reading], name: str, damage: str) -> None:
    (path,) = built.glob(f"builds/*/{name}")
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        damaged = {"empty": b"", "cut": whole[: len(whole) // 2], "longer": whole + b"junk"}
        path.write_bytes(damaged[damage])
    with pytest.raises(IndexFailure, match=r"is damaged .*python -m rag.index") as caught:
        Index.open(built, RECIPE)
    assert str(built) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Workshop().build(built, two).unchanged
    check_consistent(Index.open(built, RECIPE), two)


@pytest.mark.parametrize("text", ["", "../../etc", "{}", "\xff\xfe", "0123456789abcdef"])
def test_a_pointer_to_nowhere_is_damage(built: Path, two: list[Reading], text: str) -> None:
    (built / "current").write_bytes(text.encode("latin-1"))
    with pytest.raises(IndexFailure, match=r"is damaged .*python -m rag.index"):
        Index.open(built, RECIPE)
    Workshop().build(built, two)
    check_consistent(Index.open(built, RECIPE), two)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "null", '{"schema": 1}', '{"schema": 1, "recipe": 3}', "\x00", "{"]
)
def test_a_garbled_manifest_is_damage(built: Path, text: str) -> None:
    (manifest,) = built.glob("builds/*/manifest.json")
    manifest.write_text(text)
    with pytest.raises(IndexFailure, match=r"manifest.json cannot be read.*python -m rag.index"):
        Index.open(built, RECIPE)


def test_a_manifest_of_another_build_is_damage(built: Path, two: list[Reading]) -> None:
    (first,) = built.glob("builds/*/manifest.json")
    Workshop().build(built, two[:1])
    (second,) = (p for p in built.glob("builds/*/manifest.json") if p != first)
    shutil.copy(first, second)
    with pytest.raises(IndexFailure, match="belongs to another build"):
        Index.open(built, RECIPE)


def test_bytes_that_changed_in_place_are_found_by_the_next_build(
    built: Path, two: list[Reading]
) -> None:
    (path,) = built.glob("builds/*/vectors.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 0x40
    path.write_bytes(content)
    assert Workshop().build(built, two).rebuilt == ("attention", "code")
    check_consistent(Index.open(built, RECIPE), two)


def test_a_database_overwritten_in_place_is_damage(built: Path) -> None:
    (path,) = built.glob("builds/*/chunks.sqlite")
    path.write_bytes(b"\xa5" * path.stat().st_size)
    with pytest.raises(IndexFailure, match=r"chunks.sqlite.*python -m rag.index"):
        Index.open(built, RECIPE).chunk(0)


def test_pickled_vectors_are_not_loaded(built: Path) -> None:
    (path,) = built.glob("builds/*/vectors.npy")
    np.save(path, np.array([{"an": "object"}] * 5), allow_pickle=True)
    (manifest,) = built.glob("builds/*/manifest.json")
    content = json.loads(manifest.read_text())
    for file in content["files"]:
        if file["name"] == "vectors.npy":
            file["size"] = path.stat().st_size
    manifest.write_text(json.dumps(content))
    with pytest.raises(IndexFailure, match=r"vectors.npy cannot be read"):
        Index.open(built, RECIPE).vectors()


# Only what changed is done again.


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


def test_reused_vectors_are_the_same_to_the_last_bit(built: Path, two: list[Reading]) -> None:
    before = np.array(Index.open(built, RECIPE).vectors())
    Workshop().build(built, two[1:])
    assert np.array_equal(Index.open(built, RECIPE).vectors(), before[3:])


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


def test_another_recipe_is_built_from_scratch(built: Path, two: list[Reading]) -> None:
    recipe, workshop = replace(RECIPE, chunker="2"), Workshop()
    report = build(built, recipe, two, workshop.parts(), workshop.progress)
    assert report.rebuilt == ("attention", "code")
    assert workshop.embedded == search_texts(two)
    check_consistent(Index.open(built, recipe), two)


def test_the_same_content_has_the_same_name(tmp_path: Path, two: list[Reading]) -> None:
    for name in ("a", "b"):
        Workshop().build(tmp_path / name, two)
    a, b = ((tmp_path / name / "current").read_text() for name in ("a", "b"))
    assert a == b
    Workshop().build(tmp_path / "b", two[:1])
    assert (tmp_path / "b" / "current").read_text() != a


def test_stages_are_told_and_timed(folder: Path, two: list[Reading]) -> None:
    workshop = Workshop()
    report = workshop.build(folder, two)
    assert [name for name, _ in report.seconds] == ["parse", "embed", "write"]
    assert all(seconds >= 0 for _, seconds in report.seconds)
    last = {stage: (done, total) for stage, done, total in workshop.stages}
    assert last == {"parse": (2, 2), "embed": (5, 5), "write": (3, 3)}


# One bad reading never stops a build.


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


# Faults of a part are called so.


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


# Builders and readers at once.


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


def test_an_open_index_outlives_two_builds(built: Path, two: list[Reading]) -> None:
    index = Index.open(built, RECIPE)
    vectors, store = index.vectors(), faiss_store.open_store(index.folder)
    Workshop().build(built, two[:1])
    Workshop().build(built, two[1:])
    assert not index.folder.exists()
    expected = [c for reading in two for c in chunk(reading, parse(reading))]
    assert index.chunks(range(5)) == expected
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(index.chunk, 3).result() == expected[3]
    assert index.page("attention", 2) == parse(two[0])[1]
    assert store.search(np.array(vectors[4]), 1)[0].tolist() == [4]
    check_consistent(Index.open(built, RECIPE), two[1:])


def test_readers_that_come_during_builds_always_find_a_whole_index(
    built: Path, two: list[Reading]
) -> None:
    stop = threading.Event()
    seen: set[str] = set()

    def read() -> int:
        count = 0
        while not stop.is_set():
            index = Index.open(built, RECIPE)
            texts = [c.text for c in index.chunks(range(len(index)))]
            assert texts == [c.text for r in index.readings for c in chunk(r, parse(r))]
            seen.add(index.folder.name)
            index.close()
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        for wish in [two[:1], two[1:], two[::-1], two] * 5:
            Workshop().build(built, wish)
        stop.set()
        assert reader.result() > 0
    assert len(seen) > 1


def test_an_index_replaced_while_it_is_opened_is_opened_anew(
    built: Path, two: list[Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_text, pending = Path.read_text, [two[1:], two[:1]]

    def read_and_be_overtaken(path: Path, encoding: str) -> str:
        text = read_text(path, encoding)
        if path.name == "current":
            wishes, pending[:] = pending[:], []
            for wish in wishes:
                Workshop().build(built, wish)
        return text

    monkeypatch.setattr(Path, "read_text", read_and_be_overtaken)
    index = Index.open(built, RECIPE)
    monkeypatch.undo()
    check_consistent(index, two[:1])


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


# A disk that takes no more.


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


def test_the_database_holds_plain_tables(built: Path) -> None:
    (path,) = built.glob("builds/*/chunks.sqlite")
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT row FROM chunk ORDER BY row").fetchall() == [
            (i,) for i in range(5)
        ]
        plan = db.execute("EXPLAIN QUERY PLAN SELECT row FROM chunk WHERE chunk_id = ''").fetchall()
    db.close()
    assert "USING" in plan[0][3]
