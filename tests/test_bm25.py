"""Lexical search: the best rows in their order, whatever their number."""

import numpy as np
import pytest

from rag.retrievers.bm25 import Bm25, write

TEXTS = ["harbour", "pier", "harbour wall of stone", "harbour", "harbour", "pier harbour", "sea"]


@pytest.fixture(scope="module")
def bm25(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    write(TEXTS, folder)
    return Bm25.open(folder)


def test_of_equal_rows_the_lower_ones_are_found(bm25):
    rows, scores = bm25.top("harbour", 2)
    assert rows.tolist() == [0, 3]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6, 50])
def test_the_first_rows_are_those_of_a_longer_list(bm25, k):
    every, scores = bm25.top("harbour pier", 50)
    assert every.tolist() == [1, 5, 0, 3, 4, 2]
    assert (np.diff(scores) <= 0).all()
    assert bm25.top("harbour pier", k)[0].tolist() == every[:k].tolist()


def test_only_the_rows_that_may_be_found_are_ranked(bm25):
    assert bm25.top("harbour", 2, np.array([2, 4, 6]))[0].tolist() == [4, 2]
    assert bm25.top("harbour", 1, np.array([6]))[0].tolist() == []
