"""The retriever that has the first passages put into a reranker's order."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.assembly import open_engine, plugin
from rag.chunking import search_text
from rag.errors import PluginError, SettingsError
from rag.rerankers.cross_encoder import CrossEncoder, load
from rag.retrievers.reranked import Reranked
from rag.settings import Settings, plugin_and_model
from rag.types import Chunk, Passage, Reading, Spans, Window
from tests import tiny_models
from tests.conftest import Command

QUESTION = "Who built the harbour?"


class Found:
    """A retriever that always finds the same passages, best first."""

    name = "found"

    def __init__(self, passages: list[Passage]) -> None:
        self.passages = passages

    def retrieve(self, question: str, k: int, readings=None) -> list[Passage]:
        return self.passages[:k]


class Last:
    """A reranker to which the last word of a text is a number, the best the highest."""

    name = "last"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        self.asked += texts
        return [float(text.split()[-1]) for text in texts]


def window(text: str) -> Window:
    return Window(text, ("1 One",), "paragraph", text, Spans(b""))


def passages(numbers: Sequence[int]) -> list[Passage]:
    reading = Reading("r", "A title", (), None, "", "", "paper", "0" * 64, Path("r.pdf"))
    return [
        Passage(
            Chunk(hashlib.sha256(bytes([at])).hexdigest(), reading, window(f"no {n}"), 0, 9),
            at + 1,
            2.0 - at / 100,
            (("dense", 0.5),),
        )
        for at, n in enumerate(numbers)
    ]


def texts(found: Sequence[Passage]) -> list[str]:
    return [passage.chunk.text for passage in found]


def test_the_best_by_the_reranker_comes_first_though_it_was_found_late():
    found = Reranked(Found(passages([*range(20), 99, *range(20, 29)])), Last()).retrieve("?", 3)
    assert texts(found) == ["no 99", "no 28", "no 27"]
    assert [passage.rank for passage in found] == [1, 2, 3]


def test_passages_beyond_the_first_thirty_stay_behind_in_their_order():
    reranker = Last()
    found = Reranked(Found(passages(range(40))), reranker).retrieve("?", 40)
    assert len(reranker.asked) == 30
    assert texts(found) == [f"no {n}" for n in [*range(29, -1, -1), *range(30, 40)]]
    assert [passage.rank for passage in found] == list(range(1, 41))
    scores = [passage.score for passage in found]
    assert scores == sorted(scores, reverse=True)


def test_its_vote_is_added_to_those_of_the_retrievers():
    found = Reranked(Found(passages(range(31))), Last()).retrieve("?", 31)
    assert found[0].votes == (("dense", 0.5), ("last", 29.0))
    assert found[30].votes == (("dense", 0.5),)


def test_equal_scores_keep_the_retrievers_order():
    found = Reranked(Found(passages([3, 1, 3, 3])), Last()).retrieve("?", 4)
    assert [passage.score for passage in found] == [3, 3, 3, 1]
    assert [passage.chunk.chunk_id for passage in found] == [
        passage.chunk.chunk_id for passage in (passages([3, 1, 3, 3])[at] for at in (0, 2, 3, 1))
    ]


def test_nothing_found_is_nothing_reranked():
    assert Reranked(Found([]), Last()).retrieve("?", 5) == []


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_models.cross_encoder(tmp_path_factory.mktemp("model")))


def opened(harbour, reranker: str):
    return open_engine(
        Settings(corpus=str(harbour.corpus), index=str(harbour.index), reranker=reranker)
    )


def test_the_setting_puts_passages_into_the_cross_encoders_order(harbour, model):
    before = opened(harbour, "").search(QUESTION, 30)
    after = opened(harbour, f"cross-encoder:{model}").search(QUESTION, 5)
    assert all("cross-encoder" not in dict(passage.votes) for passage in before)
    scores = CrossEncoder(model).score(QUESTION, [search_text(p.chunk) for p in before])
    order = sorted(range(len(before)), key=lambda at: -scores[at])[:5]
    assert [p.chunk.chunk_id for p in after] == [before[at].chunk.chunk_id for at in order]
    assert [p.chunk.chunk_id for p in after] != [p.chunk.chunk_id for p in before[:5]]
    assert [dict(p.votes)["cross-encoder"] for p in after] == pytest.approx(
        [scores[at] for at in order], abs=1e-4
    )


def test_the_command_takes_the_setting_and_shows_no_bars(harbour, model):
    reranked = Command(harbour.corpus, harbour.index, reranker=f"cross-encoder:{model}")
    done = reranked("search", QUESTION, "--k", "5", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = [passage["text"] for passage in json.loads(done.stdout)["passages"]]
    expected = opened(harbour, f"cross-encoder:{model}").search(QUESTION, 5)
    assert found == [passage.chunk.window.text for passage in expected]


def test_the_command_says_what_the_setting_lacks(harbour):
    done = Command(harbour.corpus, harbour.index, reranker="cross-encoder")("search", QUESTION)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("'cross-encoder' needs a model")


def test_scores_are_the_models_logits_and_not_its_saturated_sigmoid(model):
    from sentence_transformers import CrossEncoder as Library
    from torch import nn

    pairs = [(QUESTION, text) for text in ("masons from Genoa", "salt", "forty boats")]
    theirs = Library(model, device="cpu").predict(pairs, activation_fn=nn.Identity())
    ours = CrossEncoder(model).score(QUESTION, [text for _, text in pairs])
    assert ours == pytest.approx(theirs.tolist(), abs=1e-5)
    assert min(ours) < 0 < max(ours) or max(map(abs, ours)) > 1


def test_a_model_that_gives_several_scores_is_refused(tmp_path):
    model = tiny_models.cross_encoder(tmp_path, labels=3)
    with pytest.raises(PluginError, match="gives 3 scores"):
        CrossEncoder(str(model))


def test_a_reranker_that_is_not_to_be_had_is_said_in_one_sentence():
    with pytest.raises(PluginError, match=r"nobody/has-this.*name a folder"):
        load(Settings(reranker="cross-encoder:nobody/has-this"))


def test_without_a_model_the_setting_is_refused_with_an_example():
    with pytest.raises(SettingsError, match="RAG_RERANKER=cross-encoder:"):
        load(Settings(reranker="cross-encoder"))


def test_an_unknown_reranker_is_refused_before_the_index_is_opened(tmp_path):
    with pytest.raises(PluginError, match="there are: cross_encoder"):
        open_engine(Settings(index=str(tmp_path), reranker="nonsense:model"))


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("minilm", ("minilm", "")),
        ("sentence-transformers:BAAI/bge-small-en-v1.5", ("sentence-transformers", "BAAI/bge-small-en-v1.5")),
        ("sentence-transformers:/models/bge", ("sentence-transformers", "/models/bge")),
        ("cross-encoder/ms-marco-MiniLM-L6-v2", ("cross-encoder", "cross-encoder/ms-marco-MiniLM-L6-v2")),
        ("cross-encoder:cross-encoder/x", ("cross-encoder", "cross-encoder/x")),
        ("our.module:C:\\models\\x", ("our.module", "C:\\models\\x")),
        ("cross-encoder:", ("cross-encoder", "")),
    ],
)  # fmt: skip
def test_a_setting_names_a_plug_in_and_perhaps_a_model(setting, named):
    assert plugin_and_model(setting) == named


@pytest.mark.parametrize(
    ("kind", "setting", "module"),
    [
        ("embedders", "sentence-transformers:BAAI/bge-small-en-v1.5", "sentence_transformers"),
        ("embedders", "sentence-transformers/all-MiniLM-L6-v2", "sentence_transformers"),
        ("rerankers", "cross-encoder/ms-marco-MiniLM-L6-v2", "cross_encoder"),
        ("rerankers", "cross_encoder:x.y", "cross_encoder"),
        ("rerankers", "rag.rerankers.cross_encoder:x.y", "cross_encoder"),
    ],
)
def test_the_plug_in_of_a_setting_is_found_by_its_files_name(kind, setting, module):
    assert plugin(kind, setting).__name__ == f"rag.{kind}.{module}"
