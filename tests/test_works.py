import pytest

from rag.works import Work, asked_works, asks_for_references


@pytest.mark.parametrize(
    ("question", "work"),
    [
        ("who is Wei et al. 2022", Work(("Wei",), "2022")),
        ("which paper is (Kojima et al., 2022)?", Work(("Kojima",), "2022")),
        ("full reference of Cobbe et al. 2021", Work(("Cobbe",), "2021")),
        ("What is Hendrycks et al. (2021b)?", Work(("Hendrycks",), "2021b")),
        ("What is Guu and Lee, 2020?", Work(("Guu", "Lee"), "2020")),
        ("what's the title of austin et al. 2021", Work(("austin",), "2021")),
    ],
)
def test_a_question_for_a_work_is_understood(question, work):
    assert asked_works(question) == (work,)


@pytest.mark.parametrize(
    "question",
    [
        "What accuracy do Wei et al. (2022) reach on GSM8K?",
        "Which paper introduced the method?",
        "Which papers came out in 2022?",
        "What is the trigger sentence of Kojima et al., 2022?",
    ],
)
def test_a_question_that_only_cites_is_about_something_else(question):
    assert asked_works(question) == ()


def test_bibliographies_are_searched_only_for_who_asks():
    assert asks_for_references("In which venue was it published by the authors?")
    assert asks_for_references("Is it in the bibliography?")
    assert not asks_for_references("What is the citation precision of the reference solution?")
    assert not asks_for_references("How many arXiv papers were collected for the cited answers?")
