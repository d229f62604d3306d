import numpy as np
import pytest

from rag.embedded import Embedded
from rag.retrievers.late import Late
from tests.workshop import WordEmbedder

TEXTS = ["herring is salted on the pier", "", "salted herring", "six layers"]


@pytest.fixture(scope="module")
def late():
    embedder = WordEmbedder()
    return Late(embedder.embed_documents(TEXTS), embedder)


def by_definition(question, text):
    """The mean over the question's words of the best inner product with one of the text's."""
    words = WordEmbedder().embed_query(text).words.astype(float) / 127
    asked = WordEmbedder().embed_query(question).words.astype(float) / 127
    return np.mean([max((float(w @ q) for w in words), default=0.0) for q in asked])


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [3, 0], [1], [2, 1, 1, 0]])
def test_a_score_is_the_mean_of_each_word_s_best_match(late, rows):
    question = "salted herring six"
    expected = [by_definition(question, TEXTS[row]) for row in rows]
    np.testing.assert_allclose(late.scores(question, np.array(rows)), expected, atol=1e-5)


def test_a_question_without_words_scores_nothing(late):
    assert late.scores("", np.array([0, 1])).tolist() == [0, 0]


def test_an_index_without_words_scores_nothing():
    chunks = Embedded.without_words(np.eye(4, 64, dtype=np.float32))
    assert Late(chunks, WordEmbedder()).scores("salted", np.array([0, 3])).tolist() == [0, 0]
