"""What a reader of an index finds, also while builders replace it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexFailure, ReadingError
from rag.library.index import Index
from rag.stores import faiss as faiss_store
from rag.types import Reading
from tests.workshop import RECIPE, WordEmbedder, Workshop, check_consistent, chunk, parse


def test_what_goes_in_comes_out_the_same(built: Path, two: list[Reading]) -> None:
    index = Index.open(built, RECIPE)
    check_consistent(index, two)
    assert index.recipe == RECIPE
    assert len(index) == 5


def test_a_chunk_s_row_is_its_vector_s_row(built: Path) -> None:
    index = Index.open(built, RECIPE)
    query = WordEmbedder().embed_query("permissively licensed source code").vectors[0]
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


def test_an_index_may_be_moved(built: Path, tmp_path: Path, two: list[Reading]) -> None:
    built.rename(tmp_path / "elsewhere")
    check_consistent(Index.open(tmp_path / "elsewhere", RECIPE), two)


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
        Index.open(built, RECIPE).embedded()


def test_threads_may_read_at_once(built: Path) -> None:
    index = Index.open(built, RECIPE)
    expected = index.chunks(range(5))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: (index.chunk(i % 5), index.page("code", 1)), range(400)))
    assert [c for c, _ in found] == [expected[i % 5] for i in range(400)]


def test_an_open_index_outlives_two_builds(built: Path, two: list[Reading]) -> None:
    index = Index.open(built, RECIPE)
    vectors, store = index.embedded().vectors, faiss_store.open_store(index.folder)
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
