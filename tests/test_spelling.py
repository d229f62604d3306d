import pytest

from rag.spelling import Spelling
from rag.terms import terms

KNOWN = {"kvassirin": 3, "kvassirim": 9, "brunhild": 2, "pier": 5, "learn": 4}


@pytest.fixture
def spelling():
    return Spelling(KNOWN, KNOWN.__getitem__)


def test_a_slip_in_a_rare_name_is_taken_for_the_name(spelling):
    assert spelling.terms("Brunhlid") == ["brunhild"]
    assert spelling.terms("Brunnhild at the pier") == ["brunhild", "pier"]


def test_of_equally_near_terms_the_commoner_is_meant(spelling):
    assert spelling.terms("Kvassirix") == ["kvassirim"]


@pytest.mark.parametrize("text", ["earn", "pear", "Zyxwvutsr", "tests 40k", "leant", "Qrunhild"])
def test_words_that_are_right_short_or_far_from_all_stay(spelling, text):
    assert spelling.terms(text) == terms(text)
