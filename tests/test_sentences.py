import pytest

from rag.sentences import sentences


def split(text):
    return [text[a:b] for a, b in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "We follow Wei et al. (2022) and use 0.5 of the data.",
        "The rate is 3.5 per cent, i.e. Small models lose.",
        "See Fig. 3 and Sec. 4 for more.",
        "J. R. Smith wrote it.",
        "They use GRPO (Shao et al., 2024).",
    ],
)
def test_abbreviations_and_decimals_do_not_end_a_sentence(text):
    assert split(text) == [text]


def test_full_stops_question_marks_and_line_breaks_do():
    text = "It works. Does it? “Yes!” he said.\nA new line"
    assert split(text) == [
        *["It works.", "Does it?", "“Yes!”", "he said.", "A new line"][:2],
        "“Yes!” he said.",
        "A new line",
    ]


@pytest.mark.parametrize(
    "first",
    [
        "We use a decay of 0.1.",
        "The weight is set to 32.",
        "It is in Appendix A.",
        "See Section 2.1.",
    ],
)
def test_a_number_or_a_letter_at_its_end_ends_a_sentence(first):
    assert split(f"{first} We go on.") == [first, "We go on."]


def test_the_number_of_a_list_does_not():
    assert split("1. Read it.") == ["1. Read it."]


def test_nothing_is_lost_but_white_space():
    text = "One two.  Three (four).\n\n Five six"
    assert "".join(split(text)).replace(" ", "") == "".join(text.split())


def test_a_text_of_white_space_has_no_sentence():
    assert split(" \n ") == []


def test_a_page_number_in_brackets_does_not_end_a_sentence():
    text = "It was trained on more text (p. 3) than any other (pp. 4 and 5). It won."
    assert len(sentences(text)) == 2
