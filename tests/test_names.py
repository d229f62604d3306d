from pathlib import Path

import pytest

from rag.names import Called, Names
from rag.types import Reading


def called(reading_id, title, author, genre="", nicknames=()):
    reading = Reading(
        reading_id, title, (author,), 2024, "", "", "paper", "0" * 64, Path(f"{reading_id}.pdf")
    )
    return Called(reading, genre, nicknames)


@pytest.fixture(scope="module")
def names():
    return Names(
        [
            called(
                "2101.00001", "A Survey of Boats in Mathematical Harbours", "Ada Quist", "survey"
            ),
            called(
                "2101.00002", "Kvassir-V2: Brewing Stories", "Bo Lind", "model paper", ("the brew",)
            ),
            called("2101.00003", "Sorting Piers: a Survey", "Cy Ohm", "survey"),
        ]
    )


@pytest.mark.parametrize(
    ("question", "ids"),
    [
        ("What does Quist et al.'s survey say?", {"2101.00001"}),
        ("What does Lind's paper say?", {"2101.00002"}),
        ("What is new in 2101.00003?", {"2101.00003"}),
        ("How fast is Kvassir-V2?", {"2101.00002"}),
        ("What does the Kvassir paper say of it?", {"2101.00002"}),
        ("How is the brew trained?", {"2101.00002"}),
        ("What does the first survey say?", {"2101.00001"}),
        ("And the second survey?", {"2101.00003"}),
        ("And the last survey?", {"2101.00003"}),
        ("According to the math harbour survey, what floats?", {"2101.00001"}),
        ("What does the model paper use?", {"2101.00002"}),
        ("What does the survey list?", {"2101.00001", "2101.00003"}),
    ],
)
def test_a_named_reading_is_known(names, question, ids):
    assert names.of(question) == ids


@pytest.mark.parametrize(
    "question",
    [
        "What do Wei et al. say?",
        "the fifth survey",
        "What is a boat?",
        "papers on stories",
        "paper",
    ],
)
def test_other_words_name_no_reading(names, question):
    assert names.of(question) == frozenset()


@pytest.mark.parametrize(
    ("question", "ids"),
    [
        ("What does the other survey say?", ["2101.00001", "2101.00003"]),
        ("and other model paper?", ["2101.00002"]),
        ("Is it in the other paper?", ["2101.00001", "2101.00002", "2101.00003"]),
        ("Is it in the other boats survey?", ["2101.00001"]),
        ("What do the other authors say?", ["2101.00001", "2101.00002", "2101.00003"]),
    ],
)
def test_the_other_reading_may_be_any_of_its_kind(names, question, ids):
    other = names.other(question)
    assert [reading.reading_id for reading in other.readings] == ids
    start, end = other.span
    assert "other" in question[start:end]


def test_other_things_are_no_other_readings(names):
    assert names.other("Which other models are there?") is None


def test_a_question_can_be_asked_without_naming_its_reading(names):
    assert names.unnamed("Does Kvassir-V2 sort boats?") == "Does sort boats?"
    assert names.unnamed("What does the boats survey of Quist et al. say of tides?") == (
        "What does say of tides?"
    )
    assert names.unnamed("What is new in 2101.00003?") == "What is new ?"


def test_a_title_s_first_word_hints_at_its_reading_if_it_is_rare(names):
    assert names.hinted("Is Kvassir fast?") == {"2101.00002"}
    assert names.hinted("Is sorting fast?") == frozenset()


def test_without_readings_nothing_is_named():
    assert Names([]).of("the first survey") == frozenset()
