"""Which of the sentences that answer are said."""

from pathlib import Path

from rag.llms.extractive import _chosen, _Evidence, _Unit
from rag.types import Box, Chunk, Passage, Reading, Span, Spans, Statement, Window

READING = Reading("r", "A Short History", (), None, "", "", "paper", "", Path("r.pdf"))


def unit(score, page, words=3, share=0.5):
    """A sentence of its own window on a page; None for a window whose place is not known."""
    text = " ".join(f"w{score}" for _ in range(words))
    box = [] if page is None else [Span(0, len(text), Box(page, 0, 0, 1, 1))]
    window = Window(f"{score}", (), "paragraph", text, Spans.of(box))
    passage = Passage(Chunk(f"{score}", READING, window, 0, len(text)), 1, 1.0, ())
    return _Unit(Statement(text, passage, 0, len(text)), _Evidence(share, 0, 0, 0, 0, 0), score)


def said(*units):
    return [one.score for one in _chosen([], units)]


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
