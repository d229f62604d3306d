import pytest

from rag.gaps import Bibliography
from rag.works import Work, cited_works

NAMED = [
    "Zhihong Shao, Peiyi Wang, and Qihao Zhu. 2024. Deepseekmath: Pushing the limits.",
    "J. Austin, A. Odena, et al. Program synthesis with large language models. 2021.",
]
NUMBERED = [
    "[1] Ethem Alpaydin. 2004. Introduction to machine learning. [2] Sami Alabed and Eiko Yoneki. "
    "2021. High-dimensional optimisation.",
    "[3] OpenAI team.",
    "[4] Ada B. Mason, Bea Pier. 2020. Salt.",
]


def names(entries, text):
    return [name for name, _ in Bibliography(entries).cited(text)]


def test_works_cited_by_name_are_found_as_often_as_they_are_cited():
    text = "GRPO (Shao et al., 2024) needs no critic. Shao et al. (2024) show it; Austin et al. (2021) do not."
    assert names(NAMED, text) == ["Shao et al. 2024", "Shao et al. 2024", "Austin et al. 2021"]


def test_what_no_bibliography_has_is_no_work():
    assert names(NAMED, "In August, 2024 and by (Nobody et al., 2023), and [1].") == []
    assert names([], "Shao et al. (2024) [3]") == []


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("as in [1]", ["Alpaydin 2004"]),
        ("as in [1, 2]", ["Alpaydin 2004", "Alabed et al. 2021"]),
        ("as in [2-4]", ["Alabed et al. 2021", "OpenAI team.", "Mason et al. 2020"]),
        ("an array x[9], a range [5-900]", []),
    ],
)
def test_works_cited_by_number_are_called_by_their_entries(text, called):
    assert names(NUMBERED, text) == called


def test_works_in_a_text_say_whether_more_authors_wrote_them():
    assert cited_works("(Guu and Lee, 2020; Wei et al., 2022b)") == (
        Work(("Guu", "Lee"), "2020"),
        Work(("Wei",), "2022b", more=True),
    )
