"""Whether a sentence bears a claim out: the model of our own."""

import numpy as np
import pytest

from rag.entailment import LABELS, Entailment
from rag.pair_model import MOST_PIECES, Pieces

SAID = "Removing the attention layers lowers the accuracy on the test set from 81.2% to 64.5%."


@pytest.fixture(scope="module")
def entailment():
    return Entailment()


def judged(entailment, claim, *evidence):
    return [LABELS[at] for at in entailment.judge(claim, evidence).argmax(axis=1)]


def test_a_claim_is_borne_out_contradicted_or_neither(entailment):
    assert judged(entailment, "Without the attention layers the accuracy is lower.", SAID) == [
        "entailment"
    ]
    assert judged(
        entailment, "Taking the attention layers out raises the accuracy on the test set.", SAID
    ) == ["contradiction"]
    assert judged(entailment, "The readings were printed in Leiden.", SAID) == ["neutral"]


def test_each_row_is_the_logarithm_of_probabilities(entailment):
    odds = entailment.judge("Attention layers matter.", [SAID, "Attention layers matter.", ""])
    assert odds.shape == (3, len(LABELS))
    assert np.exp(odds).sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_what_was_judged_before_does_not_change_how_a_pair_is_judged(entailment):
    claim = "Without attention layers the model does worse."
    entailment.judge(claim, [SAID * 10])
    again = entailment.judge(claim, [SAID * 10, SAID])
    assert again[1] == pytest.approx(Entailment().judge(claim, [SAID])[0])
    assert again[1] != pytest.approx(again[0], abs=1e-3)


def test_nothing_to_judge_gives_no_row(entailment):
    assert entailment.judge("The harbour was built.", []).shape == (0, len(LABELS))


@pytest.mark.parametrize("text", ["", "word " * 5000, "\ud800 broken", "漢" * 3000, "\0\n\t"])
def test_any_text_can_be_judged(entailment, text):
    assert np.isfinite(entailment.judge(text, [SAID, text])).all()


def test_a_long_claim_leaves_room_for_the_evidence():
    pieces = Pieces.load()
    ids, second = pieces.of("claim " * 900, "evidence " * 900)
    assert len(ids) == MOST_PIECES
    assert second < MOST_PIECES * 2 // 3
