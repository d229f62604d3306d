import numpy as np
import pytest

from rag.mentions import Mentions
from rag.terms import terms

CHUNKS = [
    *["The Kvassir engine brews stories", "Kvassir was tested twice", "Stories of the pier"],
    *["Brunhild sorts boats", "Brunhild needs no engine", "Boats of the pier", "Zyx is seen once"],
]
ROWS = {"saga": np.arange(3), "fleet": np.arange(3, 7)}


@pytest.fixture(scope="module")
def mentions():
    def rows_with(term):
        return np.array([row for row, text in enumerate(CHUNKS) if term in terms(text)], int)

    return Mentions(ROWS, rows_with)


def test_a_reading_s_own_word_points_to_it(mentions):
    assert mentions.of("How often was Kvassir tested?") == ["saga"]
    assert set(mentions.of("Compare Kvassir and Brunhild")) == {"saga", "fleet"}


def test_common_and_shared_words_point_nowhere(mentions):
    assert mentions.of("Where is the pier, and what is an engine?") == []


def test_a_word_that_stands_in_one_chunk_is_a_stray(mentions):
    assert mentions.of("What is Zyx?") == []


def test_a_single_reading_is_never_pointed_to():
    alone = Mentions({"saga": np.arange(3)}, lambda _: np.arange(3))
    assert alone.of("Kvassir") == []


def test_words_that_stand_nowhere_are_told_as_they_are_spelled(mentions):
    text = "What kappa did the Kvassir annotators reach on the Kappa pier in 1311?"
    assert mentions.absent(text) == ["kappa", "annotators", "1311"]


def test_words_of_other_readings_are_absent_from_the_one_that_is_searched(mentions):
    assert mentions.absent("Brunhild and Kvassir", frozenset({"saga"})) == ["Brunhild"]
    assert mentions.absent("Brunhild and Kvassir") == []


def test_common_words_are_not_told_as_missing(mentions):
    assert mentions.absent("How many people came last year?") == []
