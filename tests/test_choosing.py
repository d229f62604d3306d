"""Which of the sentences that answer are said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.embedded import Matches
from rag.llms.extractive import _Asked, _chosen, _Evidence, _Source, _Unit, _unlabelled
from rag.types import Box, Cell, Cells, Chunk, Passage, Reading, Span, Spans, Statement, Window

READING = Reading("r", "A Short History", (), None, "", "", "paper", "", Path("r.pdf"))


HOW_MANY, WHAT = "How many piers has the harbour?", "What is the harbour?"


def asked(question):
    return _Asked.read(question, lambda term: 1.0)


def unit(score, page, words=3, share=0.5, kind="paragraph", asked_for=0.0):
    """A sentence of its own window on a page; None for a window whose place is not known."""
    text = " ".join(f"w{score}" for _ in range(words))
    box = [] if page is None else [Span(0, len(text), Box(page, 0, 0, 1, 1))]
    window = Window(f"{score}", (), kind, text, Spans.of(box))
    passage = Passage(Chunk(f"{score}", READING, window, 0, len(text)), 1, 1.0, ())
    return _Unit(
        Statement(text, passage, 0, len(text)), _Evidence(share, 0, asked_for, 0, 0, 0), score
    )


def said(*units, question=WHAT):
    return [one.score for one in _chosen(asked(question), [], units)]


def units(question, text, cells=(), matched=(0, 0)):
    """The sentences or rows of a window, the best first."""
    kind = "table" if cells else "paragraph"
    boxes = Spans.of([Span(0, len(text), Box(1, 0, 0, 1, 1))])
    window = Window("w", (), kind, text, boxes, Cells.of(cells))
    passage = Passage(Chunk("c", READING, window, *matched), 1, 1.0, ())
    alike = Matches(np.zeros(1, np.int64), np.zeros((1, 1), np.float32), np.zeros(1, np.int32))
    found = _Source(asked(question), passage, 1.0, alike).units()
    return sorted(found, key=lambda unit: -unit.score)


def scored(*window):
    return [one.statement.text for one in units(*window)]


def table(*blocks):
    """Text and cells of a table; each block has its heads first, and its rows' first cell none."""
    text, cells = "", []
    for heads, *rows in blocks:
        for row in rows:
            for head, said in zip(("", *heads), row, strict=True):
                cells.append(Cell(len(text), len(text) + len(said), head))
                text += said + " "
            text = text[:-1] + "\n"
    return text.rstrip("\n"), cells


HALVES = (
    (("Rust", "Swift"), ("Ada-Two", "5.1", "6.1"), ("Ada", "5.2", "6.2")),
    (("Python", "Java"), ("Ada-Two", "7.1", "8.1"), ("Ada", "7.2", "8.2")),
)


def test_a_weaker_sentence_is_said_on_the_page_that_answers_and_not_elsewhere():
    assert said(unit(5, 1), unit(4.2, 2), unit(4.1, 1)) == [5, 4.1]


def test_a_sentence_nearly_as_good_is_said_from_any_page_and_opens_it_to_others():
    assert said(unit(5, 1), unit(4.6, 2), unit(3.8, 2), unit(3.7, 3)) == [5, 4.6, 3.8]


def test_what_is_worth_much_less_is_said_from_no_page():
    assert said(unit(5, 1), unit(3, 1)) == [5]


def test_what_shares_no_word_with_the_question_is_said_only_where_it_is_best():
    assert said(unit(5, 1, share=0), unit(4.9, 1, share=0), unit(4.8, 1)) == [5, 4.8]


def test_a_window_without_a_place_is_one_by_itself():
    assert said(unit(5, None), unit(4.6, None), unit(4.0, None)) == [5, 4.6]


def test_at_most_four_sentences_and_so_many_words_are_said():
    assert len(said(*(unit(5 - at / 100, 1) for at in range(9)))) == 4
    assert said(unit(5, 1, 60), unit(4.9, 1, 60), unit(4.8, 1, 20)) == [5, 4.8]
    assert said(unit(5, 1, 300), unit(4.9, 1)) == [5], "the best is said however long"


def test_a_quantity_that_is_a_cell_needs_no_words_around_it():
    cell = unit(5, 1, kind="table", asked_for=1.0)
    assert said(cell, unit(4.2, 1), question=HOW_MANY) == [5]
    assert said(cell, unit(4.6, 1), question=HOW_MANY) == [5, 4.6], "what is as good is said"
    assert said(cell, unit(4.2, 1), question=WHAT) == [5, 4.2]


def test_a_quantitys_own_cell_stands_before_a_sentence_that_is_little_better():
    cell = unit(4.6, 1, kind="table", asked_for=1.0)
    assert said(unit(5, 1), cell, question=HOW_MANY) == [4.6, 5]
    assert said(unit(5.4, 1), cell, question=HOW_MANY) == [5.4, 4.6]
    assert said(unit(5, 1), cell, question=WHAT) == [5, 4.6]


def test_of_a_table_in_two_halves_the_one_with_the_column_asked_for_answers():
    text, cells = table(*HALVES)
    matched = (0, text.index("\n"))
    best, *_ = scored("Which score has Ada-Two in Python?", text, cells, matched)
    assert best == "Ada-Two — Python: 7.1"


def test_of_a_row_without_the_column_asked_for_the_first_cells_are_said_and_that_there_are_more():
    heads = [f"H{n}" for n in range(10)]
    text, cells = table((heads, ("Ada", *"0123456789")))
    (said,) = scored("How good is Ada?", text, cells)
    assert said.endswith("H7: 7; …")
    text, cells = table((heads[:8], ("Ada", *"01234567")))
    (said,) = scored("How good is Ada?", text, cells)
    assert said.endswith("H7: 7")


def test_what_a_thing_is_no_row_tells_that_names_it():
    text, cells = table((("Rust", "Swift"), ("Ada-Two", "5.1", "6.1"), ("Zoe", "1", "Ada")))
    assert scored("How good is Ada-Two?", text, cells)[0].startswith("Ada-Two")
    a, b = (
        next(u for u in units(q, text, cells) if "5.1" in u.statement.text).evidence.asked_for
        for q in ("How good is Ada-Two?", "What is Ada-Two?")
    )
    assert (a, b) == (0.5, 0.0)


@pytest.mark.parametrize(
    "second",
    [
        "It has seven piers.",
        "However, it has seven piers.",
        "To reach this number, seven piers were built.",
        "Therefore the harbour has seven piers.",
    ],
)
def test_a_sentence_that_needs_the_one_before_is_said_with_it(second):
    first = "Masons from Genoa built the harbour."
    assert f"{first} {second}" in scored(HOW_MANY, f"{first} {second}")


@pytest.mark.parametrize(
    "second", ["Additionally, the harbour has seven piers.", "However, seven piers are there."]
)
def test_a_sentence_that_goes_on_to_another_thing_stands_alone(second):
    assert second in scored(HOW_MANY, f"Masons from Genoa built the harbour. {second}")


def test_what_would_announce_more_than_is_said_is_left_out():
    text = "The harbour was built by masons. They built it in three steps: wood, stone and sand."
    why = "How was the harbour built?"
    assert text in scored(why, text)
    first, announced = "The harbour was built by masons.", "They built it in these steps:"
    assert first in scored(why, f"{first} {announced}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Masons from Genoa built the harbour of the town.", True),
        ("Harbour Pier Genoa Mason E.g., Dock E.g., Quay", False),
        ("7 https://harbour.example/piers is where the piers are listed", False),
        ("Seven piers.", False),
    ],
)
def test_labels_of_figures_and_addresses_are_worth_less_than_sentences(text, sentence):
    one = unit(5, 1)
    one = replace(one, statement=replace(one.statement, text=text))
    assert (_unlabelled(one).score == 5) == sentence
