"""What every embedder must do, run over every file in rag/embedders that can be loaded."""

import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import rag.embedders
from rag.protocols import Embedder, Vectors
from rag.settings import Settings
from tests import tiny_models

FOLDER = Path(rag.embedders.__file__).parent
NAMES = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if hasattr(importlib.import_module(f"rag.embedders.{path.stem}"), "load")
)
MODELS = {"sentence_transformers": tiny_models.embedder}
"""What builds the model in a folder, for an embedder that can run several."""

SENTENCE = "Code models are trained on programs, their tests and what people say about both. "
MIXED = [
    "Which benchmark measures repair?",
    SENTENCE * 9,
    "",
    "x",
    SENTENCE * 2,
    "Attention is a weighted mean of values.",
    SENTENCE * 5,
    "Table 4: pass@1 by language",
    SENTENCE,
]


@pytest.fixture(scope="module", params=NAMES)
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    folder = tmp_path_factory.mktemp("room")
    name: str = request.param
    setting = f"{name}:{MODELS[name](folder)}" if name in MODELS else name
    plugin = importlib.import_module(f"rag.embedders.{name}")
    loaded: Embedder = plugin.load(Settings(index=str(folder / "index"), embedder=setting))
    return loaded


@pytest.fixture(params=[1, 5, 200])
def many(request: pytest.FixtureRequest) -> Iterator[str]:
    """Texts of mixed lengths, one, a few and many."""
    return (f"{number} {MIXED[number % len(MIXED)]}" for number in range(request.param))


def test_there_is_an_embedder() -> None:
    assert "minilm" in NAMES


def test_it_says_what_made_its_vectors(embedder: Embedder) -> None:
    assert embedder.name
    assert len(embedder.fingerprint) >= 16
    assert embedder.dim > 0
    assert embedder.max_tokens > 0


def test_rows_are_unit_vectors(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(MIXED).vectors
    assert (vectors.shape, vectors.dtype) == ((len(MIXED), embedder.dim), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_question_is_one_unit_vector(embedder: Embedder) -> None:
    vector = embedder.embed_query("Which benchmark measures repair?").vectors[0]
    assert (vector.shape, vector.dtype) == ((embedder.dim,), np.float32)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_rows_keep_the_order_of_the_texts_whatever_their_lengths(
    embedder: Embedder, many: Iterator[str]
) -> None:
    texts = list(many)
    together = embedder.embed_documents(texts).vectors
    for row in {0, len(texts) // 3, len(texts) // 2, len(texts) - 1}:
        alone = embedder.embed_documents([texts[row]]).vectors[0]
        assert together[row] @ alone > 0.9999, texts[row]


def test_a_text_is_nearer_to_its_own_question_than_to_others(embedder: Embedder) -> None:
    documents = ["Herring is salted on the pier.", "The encoder has six layers.", "Rents rose."]
    questions = ["Where is the fish salted?", "How many layers are there?", "Did the rent go up?"]
    vectors = embedder.embed_documents(documents).vectors
    found = [
        int((vectors @ embedder.embed_query(question).vectors[0]).argmax())
        for question in questions
    ]
    assert found == [0, 1, 2]


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    heard: list[int] = []
    vectors = embedder.embed_documents([], heard.append).vectors
    assert (vectors.shape, vectors.dtype) == ((0, embedder.dim), np.float32)
    assert embedder.count_tokens([]) == []
    assert set(heard) <= {0}


def test_progress_grows_and_ends_at_the_number_of_texts(embedder: Embedder) -> None:
    heard: list[int] = []
    embedder.embed_documents(MIXED * 12, heard.append)
    assert len(heard) > 1
    assert heard == sorted(set(heard))
    assert heard[-1] == 12 * len(MIXED)


def test_counted_tokens_tell_where_the_text_is_cut(embedder: Embedder) -> None:
    special = embedder.count_tokens([""])[0]
    fits = "word " * (embedder.max_tokens - special)
    assert embedder.count_tokens([fits, fits + "zebra"]) == [
        embedder.max_tokens,
        embedder.max_tokens + 1,
    ]
    one_less = "word " * (embedder.max_tokens - special - 1)
    vectors = embedder.embed_documents([fits, fits + "zebra", one_less + "zebra"]).vectors
    assert vectors[0] @ vectors[1] > 0.99999, "what lies beyond the limit was read"
    assert vectors[0] @ vectors[2] < 0.9999, "the last token within the limit was not read"


def test_tokens_are_counted_in_the_order_of_the_texts(embedder: Embedder) -> None:
    together = embedder.count_tokens(MIXED)
    assert together == [embedder.count_tokens([text])[0] for text in MIXED]


@pytest.mark.parametrize(
    "text",
    [
        " \n\t ",
        "nul \x00, bell \x07, escape \x1b",
        "北京大学的代码模型",
        "𝑡𝑒𝑚𝑝 ﬁne e\u0301 \u200b\u202e 👩‍🔬",
        "half a pair \ud835 of surrogates",
        "[PAD] [SEP] [MASK] [UNK]",
        "a" * 20_000,
        "word and 字 " * 2_000,
    ],
    ids=["blank", "control", "chinese", "odd", "surrogate", "special", "one word", "long"],
)
def test_strange_texts_get_a_vector_too(embedder: Embedder, text: str) -> None:
    assert np.linalg.norm(embedder.embed_query(text).vectors[0]) == pytest.approx(1, abs=1e-5)
    beside = embedder.embed_documents([MIXED[0], text]).vectors
    assert beside[0] @ embedder.embed_documents([MIXED[0]]).vectors[0] > 0.9999
    assert np.linalg.norm(beside[1]) == pytest.approx(1, abs=1e-5)
    assert embedder.count_tokens([text])[0] >= 2


def test_threads_may_share_it(embedder: Embedder) -> None:
    def embed_and_count(text: str) -> tuple[Vectors, list[int]]:
        return embedder.embed_query(text).vectors[0], embedder.count_tokens([text])

    expected = [embed_and_count(text) for text in MIXED] * 10
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(embed_and_count, MIXED * 10))
    assert [count for _, count in found] == [count for _, count in expected]
    assert min(a @ b for (a, _), (b, _) in zip(found, expected, strict=True)) > 0.9999
