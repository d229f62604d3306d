from pathlib import Path

import numpy as np
import pytest

from rag.embedded import Embedded
from rag.retrievers.late import Late
from rag.types import Chunk, Passage, Place, Reading, Spans, Window
from tests.workshop import WordEmbedder

TEXTS = ["herring is salted on the pier", "", "salted herring", "six layers"]
LEAD = "a title > six\n"
SEARCHED = [*TEXTS, f"{LEAD}docks rest there", f"{LEAD}Ship: Toll\nShip09 63.9%"]


class Shelf:
    """Two windows: one of prose in two chunks, one of a table whose row is searched with its heads."""

    def places(self, window_ids):
        every = [
            Place(0, "prose", 0, 29, 0, 0),
            Place(4, "prose", 30, 46, 0, len(LEAD)),
            Place(5, "table", 20, 32, len("Ship: Toll"), len(f"{LEAD}Ship: Toll\n")),
        ]
        return [place for place in every if place.window_id in window_ids]


def passage(window_id):
    window = Window(window_id, (), "paragraph", "", Spans(b""))
    reading = Reading("r", "A title", (), None, "", "", "paper", "", Path("r.pdf"))
    return Passage(Chunk("c", reading, window, 0, 0), 1, 1.0, ())


@pytest.fixture(scope="module")
def late():
    embedder = WordEmbedder()
    return Late(Shelf(), embedder.embed_documents(SEARCHED), embedder)


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
    assert Late(Shelf(), chunks, WordEmbedder()).scores("salted", np.array([0, 3])).tolist() == [
        0,
        0,
    ]


def test_the_words_of_a_window_are_matched_where_they_stand(late):
    (prose,) = late.matches("salted docks", [passage("prose")])
    assert np.isclose(prose.between(0, 29), 0.5)  # "salted" stands there, "docks" does not
    assert np.isclose(prose.between(30, 46), 0.5)
    assert np.isclose(prose.between(0, 46), 1.0)
    assert late.matches("title", [passage("prose")])[0].between(0, 46) == 0, "the way is not said"


def test_a_row_s_heads_count_as_standing_in_the_row(late):
    prose, table = late.matches("Ship09 Toll", [passage("prose"), passage("table")])
    assert np.isclose(table.between(20, 32), 1.0)
    assert table.between(0, 20) == 0
    assert prose.between(0, 46) == 0
