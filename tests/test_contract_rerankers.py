"""What every reranker must do, run over every file in rag/rerankers."""

import importlib
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rag.rerankers
from rag.protocols import Reranker
from rag.settings import Settings
from tests import pdfs, tiny_models

FOLDER = Path(rag.rerankers.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
MODELS = {"cross_encoder": tiny_models.cross_encoder}
"""What builds the model in a folder, for a reranker that can run several."""

QUESTION = "Who built the harbour?"
TEXTS = [*pdfs.LEFT.split(". "), "", "x", pdfs.LEFT * 9, *pdfs.RIGHT.split(". "), "8,792 problems"]


@pytest.fixture(scope="module", params=NAMES)
def reranker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reranker:
    name: str = request.param
    model = MODELS[name](tmp_path_factory.mktemp("model")) if name in MODELS else None
    setting = name if model is None else f"{name}:{model}"
    loaded: Reranker = importlib.import_module(f"rag.rerankers.{name}").load(
        Settings(reranker=setting)
    )
    return loaded


def test_there_is_a_reranker() -> None:
    assert "cross_encoder" in NAMES


def test_it_has_a_name_for_its_votes(reranker: Reranker) -> None:
    assert reranker.name


@pytest.mark.parametrize("times", [1, 8])
def test_each_text_has_the_score_it_has_alone_in_the_order_given(
    reranker: Reranker, times: int
) -> None:
    together = reranker.score(QUESTION, TEXTS * times)
    alone = [reranker.score(QUESTION, [text])[0] for text in TEXTS]
    assert together == pytest.approx(alone * times, abs=1e-4)
    assert len({round(score, 3) for score in alone}) > 5, "the scores hardly differ"


def test_scores_are_finite_numbers(reranker: Reranker) -> None:
    scores = reranker.score(QUESTION, TEXTS)
    assert {type(score) for score in scores} == {float}
    assert all(map(math.isfinite, scores))


def test_the_question_matters(reranker: Reranker) -> None:
    other = reranker.score("How many boats are in the fleet?", TEXTS)
    assert reranker.score(QUESTION, TEXTS) != pytest.approx(other, abs=1e-3)


def test_no_texts_have_no_scores(reranker: Reranker) -> None:
    assert reranker.score(QUESTION, []) == []


@pytest.mark.parametrize(
    "text",
    [
        " \n\t ",
        "nul \x00, bell \x07, escape \x1b",
        "北京大学的代码模型",
        "half a pair \ud835 of surrogates",
        "[PAD] [SEP] [MASK] [UNK]",
        "a" * 20_000,
        "word and 字 " * 2_000,
    ],
    ids=["blank", "control", "chinese", "surrogate", "special", "one word", "long"],
)
def test_strange_texts_are_scored_and_alter_no_other_score(reranker: Reranker, text: str) -> None:
    expected = reranker.score(QUESTION, TEXTS[:1])
    beside = reranker.score(QUESTION, [TEXTS[0], text])
    assert beside[:1] == pytest.approx(expected, abs=1e-4)
    assert math.isfinite(beside[1])
    assert math.isfinite(reranker.score(text, TEXTS[:1])[0])


def test_threads_may_share_it(reranker: Reranker) -> None:
    expected = reranker.score(QUESTION, TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: reranker.score(QUESTION, TEXTS), range(12)):
            assert found == pytest.approx(expected, abs=1e-4)
