import json

import numpy as np
import pytest

from rag.abbreviations import Abbreviations, definitions, write
from rag.errors import IndexFailure
from rag.terms import terms

TEXTS = [
    "We train with Kraken Relative Policy Search (KRPS), see (Shao et al., 2024) and (KRPS).",
    "Word Order Tests (WOTs) are hard. WOT (word order test) again.",
    "The best of it all (BIA) (2021), as IF (Interleaving Factor) shows.",
]


USES_NEITHER, USES_SHORT, USES_LONG = [], ["KRPS runs."] * 2, ["Kraken relative policy search."] * 2


def rows_with(texts):
    found = [set(terms(text)) for text in texts]
    return lambda term: np.array([at for at, known in enumerate(found) if term in known], np.int64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abbreviations")
    write(TEXTS, folder)
    return folder


@pytest.fixture(scope="module")
def known(folder):
    return Abbreviations.open(folder, rows_with(USES_NEITHER))


def test_definitions_are_found_either_way_round():
    assert list(definitions(TEXTS[0])) == [("KRPS", "Kraken Relative Policy Search")]
    assert ("WOT", "word order test") in list(definitions(TEXTS[1]))


def test_a_plural_is_defined_as_its_singular():
    assert ("WOT", "Word Order Tests") in list(definitions("Word Order Tests (WOTs)"))


def test_brackets_without_the_letters_define_nothing():
    assert not list(definitions("We saw the harbour (KRPS) and (e.g.) the pier (Wei et al., 2022)"))


def test_a_question_with_one_form_gets_the_other(known):
    assert known.completed("What is KRPS?") == "What is KRPS (Kraken Relative Policy Search)?"
    assert known.completed("how do krps work").startswith("how do krps (Kraken")
    assert known.completed("kraken relative policy searches?").endswith("searches (KRPS)?")


def test_a_question_with_both_forms_or_none_stays_as_it_is(known):
    for question in ("What is Kraken Relative Policy Search (KRPS)?", "What is a pier?"):
        assert known.completed(question) == question


def test_a_form_that_the_readings_use_themselves_stays_alone(folder):
    short, long = "What is KRPS?", "kraken relative policy searches?"
    known = Abbreviations.open(folder, rows_with(USES_SHORT))
    assert known.completed(short) == short
    assert known.completed(long).endswith("(KRPS)?")
    known = Abbreviations.open(folder, rows_with(USES_LONG))
    assert known.completed(long) == long
    assert known.completed(short) == "What is KRPS (Kraken Relative Policy Search)?"


def test_a_single_word_has_no_short_form(tmp_path):
    write(["The over-expression (OE) of genes."], tmp_path)
    known = Abbreviations.open(tmp_path, rows_with([]))
    assert known.completed("its expression") == "its expression"


def test_a_common_word_in_small_letters_is_no_abbreviation(known):
    assert known.completed("what if it rains") == "what if it rains"
    assert "Interleaving" in known.completed("what is IF")


def test_damaged_abbreviations_say_how_to_mend_them(tmp_path):
    (tmp_path / "abbreviations.json").write_text(json.dumps(["no pairs"]))
    with pytest.raises(IndexFailure, match=r"python -m rag\.index"):
        Abbreviations.open(tmp_path, rows_with([]))
