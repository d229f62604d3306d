"""What every vector store must do, run over every file in rag/stores."""

import importlib
import pickletools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import rag.stores
from rag.errors import IndexFailure, RagError
from rag.protocols import Vectors, VectorStore
from rag.stores import faiss as faiss_store

DIM = 16
FOLDER = Path(rag.stores.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")

Fill = Callable[[Vectors], VectorStore]


def unit(count: int, seed: int = 0, dim: int = DIM) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


SIZES = {"flat": (10**9, 10**9), "SQ8": (1, 10**9), "IVF SQ8": (1, 1)}
"""From how many rows bytes and lists are used, so that a few rows are searched in each way."""


@pytest.fixture(params=[*(f"faiss {kind}" for kind in SIZES), *(set(NAMES) - {"faiss"})])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    name, _, kind = request.param.partition(" ")
    found = importlib.import_module(f"rag.stores.{name}")
    if kind:
        monkeypatch.setattr(found, "BYTES_FROM", SIZES[kind][0])
        monkeypatch.setattr(found, "LISTS_FROM", SIZES[kind][1])
    return found


@pytest.fixture(params=["fresh", "reopened"])
def filled(request: pytest.FixtureRequest, module: ModuleType, tmp_path: Path) -> Fill:
    """A function from vectors to a store that holds them, new or written and opened again."""

    def fill(vectors: Vectors) -> VectorStore:
        store = module.new(vectors.shape[1])
        store.add(vectors)
        if request.param == "fresh":
            return store
        store.save(tmp_path)
        return module.open_store(tmp_path)

    return fill


def test_there_is_a_store() -> None:
    assert "faiss" in NAMES


def test_the_best_rows_come_first_with_their_inner_products(filled: Fill) -> None:
    vectors, query = unit(200), unit(1, seed=9)[0]
    rows, scores = filled(vectors).search(query, 10)
    products = vectors @ query
    assert rows.tolist() == np.argsort(-products)[:10].tolist()
    np.testing.assert_allclose(scores, products[rows], atol=1e-6)
    assert (rows.dtype, scores.dtype) == (np.int64, np.float32)


def test_every_row_finds_itself(filled: Fill) -> None:
    vectors = unit(50)
    store = filled(vectors)
    assert [store.search(vector, 1)[0][0] for vector in vectors] == list(range(50))
    assert len(store) == 50


def test_rows_limit_the_search_before_the_ranking(filled: Fill) -> None:
    vectors, query = unit(300), unit(1, seed=9)[0]
    worst = np.sort(np.argsort(vectors @ query)[:7])
    rows, _ = filled(vectors).search(query, 5, worst)
    assert rows.tolist() == sorted(worst.tolist(), key=lambda row: -(vectors[row] @ query))[:5]


def test_no_rows_find_nothing(filled: Fill) -> None:
    rows, scores = filled(unit(10)).search(unit(1)[0], 5, np.empty(0, np.int64))
    assert (len(rows), len(scores)) == (0, 0)


def test_asking_for_more_than_there_is_returns_what_there_is(filled: Fill) -> None:
    store = filled(unit(6))
    rows, scores = store.search(unit(1, seed=9)[0], 1000)
    assert sorted(rows.tolist()) == list(range(6))
    assert len(scores) == 6
    assert len(store.search(unit(1, seed=9)[0], 1000, np.array([1, 4]))[0]) == 2


def test_rows_that_are_not_there_are_not_found(filled: Fill) -> None:
    rows, _ = filled(unit(6)).search(unit(1, seed=9)[0], 5, np.array([2, 99]))
    assert rows.tolist() == [2]


def test_equal_scores_come_in_the_order_of_rows(filled: Fill) -> None:
    vectors = np.repeat(unit(1), 8, axis=0)
    assert filled(vectors).search(vectors[0], 8)[0].tolist() == list(range(8))


def test_an_empty_store_finds_nothing(module: ModuleType) -> None:
    assert len(module.new(DIM)) == 0
    assert module.new(DIM).search(unit(1)[0], 3)[0].tolist() == []


def test_rows_are_numbered_on_when_more_are_added(module: ModuleType) -> None:
    store, vectors = module.new(DIM), unit(20)
    store.add(vectors[:12])
    store.add(vectors[12:])
    assert store.search(vectors[15], 1)[0].tolist() == [15]


def test_vectors_of_another_length_are_refused(module: ModuleType) -> None:
    store = module.new(DIM)
    with pytest.raises(IndexFailure, match=rf"{DIM} numbers.*python -m rag.index"):
        store.add(unit(3, dim=DIM + 1))
    with pytest.raises(IndexFailure, match="shape"):
        store.add(unit(1)[0])
    assert len(store) == 0


def test_a_question_of_another_length_is_refused(filled: Fill) -> None:
    store = filled(unit(3))
    with pytest.raises(IndexFailure, match=rf"{DIM} numbers.*python -m rag.index"):
        store.search(unit(1, dim=DIM - 1)[0], 1)
    with pytest.raises(IndexFailure, match="shape"):
        store.search(unit(1), 1)


def test_a_saved_store_does_not_depend_on_where_it_lies(module: ModuleType, tmp_path: Path) -> None:
    store, vectors = module.new(DIM), unit(9)
    store.add(vectors)
    (tmp_path / "a").mkdir()
    store.save(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "ein Ordner, ü")
    assert module.open_store(tmp_path / "ein Ordner, ü").search(vectors[4], 1)[0].tolist() == [4]


def test_an_open_store_outlives_its_files(module: ModuleType, tmp_path: Path) -> None:
    vectors = unit(9)
    store = module.new(DIM)
    store.add(vectors)
    store.save(tmp_path)
    store = module.open_store(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    assert store.search(vectors[4], 1)[0].tolist() == [4]


@pytest.mark.parametrize("damage", ["missing", "empty", "half", "garbage"])
def test_damaged_files_are_refused(module: ModuleType, tmp_path: Path, damage: str) -> None:
    store = module.new(DIM)
    store.add(unit(100))
    store.save(tmp_path)
    for path in list(tmp_path.iterdir()):
        whole = path.read_bytes()
        damaged = {"empty": b"", "half": whole[: len(whole) // 2], "garbage": b"\xa5" * len(whole)}
        path.unlink()
        if damage != "missing":
            path.write_bytes(damaged[damage])
    with pytest.raises(IndexFailure, match=r"python -m rag.index") as caught:
        module.open_store(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_nothing_that_is_saved_is_a_pickle(module: ModuleType, tmp_path: Path) -> None:
    store = module.new(DIM)
    store.add(unit(5))
    store.save(tmp_path)
    assert any(tmp_path.iterdir())
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError):
            list(pickletools.genops(path.read_bytes()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_no_silent_loss(module: ModuleType, tmp_path: Path) -> None:
    store = module.new(DIM)
    store.add(unit(5))
    store.save(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.unlink()
        path.symlink_to("/dev/full")
    with pytest.raises((OSError, RagError)):
        store.save(tmp_path)


def test_threads_may_search_at_once(filled: Fill) -> None:
    vectors = unit(500)
    store = filled(vectors)

    def search(row: int) -> bool:
        only = np.arange(row % 2, 500, 2)
        return all(store.search(vectors[row], 3, rows)[0][0] == row for rows in (None, only))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(search, range(500)))


def test_a_store_says_how_it_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = faiss_store.new(DIM)
    monkeypatch.setattr(faiss_store, "BYTES_FROM", 300)
    monkeypatch.setattr(faiss_store, "LISTS_FROM", 500)
    for number, kind in enumerate(["flat", "SQ8", "IVF SQ8"]):
        store.add(unit(200, seed=number))
        store.save(tmp_path)
        assert store.kind == faiss_store.open_store(tmp_path).kind == kind


@pytest.mark.parametrize("share", [1, 2, 5, 20])
def test_most_of_the_best_rows_are_found_by_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: int
) -> None:
    monkeypatch.setattr(faiss_store, "LISTS_FROM", 1)
    monkeypatch.setattr(faiss_store, "BYTES_FROM", 1)
    monkeypatch.setattr(faiss_store, "_EXACT_ROWS", 0)
    store, vectors = faiss_store.new(DIM), unit(20_000)
    store.add(vectors)
    store.save(tmp_path)
    store = faiss_store.open_store(tmp_path)
    only, found = np.arange(0, 20_000, share), 0
    for query in unit(20, seed=9):
        best = only[np.argsort(-(vectors[only] @ query))[:10]]
        found += len({*best} & {*store.search(query, 10, only if share > 1 else None)[0]})
    assert found >= 0.95 * 200


def test_a_search_by_lists_is_limited_to_the_rows_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faiss_store, "LISTS_FROM", 1)
    monkeypatch.setattr(faiss_store, "BYTES_FROM", 1)
    monkeypatch.setattr(faiss_store, "_EXACT_ROWS", 0)
    store = faiss_store.new(DIM)
    store.add(unit(500))
    store.save(tmp_path)
    named = np.array([-1, 7, 7, 300, 499, 500, 9_999])
    rows, _ = faiss_store.open_store(tmp_path).search(unit(1, seed=9)[0], 5, named)
    assert sorted(rows.tolist()) == [7, 300, 499]


def test_proposals_for_other_vectors_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faiss_store, "BYTES_FROM", 100)
    store = faiss_store.new(DIM)
    store.add(unit(100))
    store.save(tmp_path)
    proposals = (tmp_path / faiss_store.PROPOSALS).read_bytes()
    store.add(unit(1))
    store.save(tmp_path)
    (tmp_path / faiss_store.PROPOSALS).write_bytes(proposals)
    with pytest.raises(IndexFailure, match=r"python -m rag.index"):
        faiss_store.open_store(tmp_path)
