import pytest

from rag.clauses import clauses


def test_a_question_for_two_things_has_two_parts():
    question = (
        "How many herring boats does the fleet count, and how many stone piers has the harbour?"
    )
    assert clauses(question) == [
        "How many herring boats does the fleet count",
        "how many stone piers has the harbour?",
    ]


def test_a_comparison_has_a_part_for_each_side():
    assert len(clauses("Compare the losses of winter ships vs. the losses of summer ships")) == 2


@pytest.mark.parametrize(
    "question", ["Who built the harbour?", "What are salt and oil used for?", ""]
)
def test_a_question_for_one_thing_has_no_parts(question):
    assert clauses(question) == []
