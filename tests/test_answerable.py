"""Whether there is an answer is told by the words that are missed near the best sentences."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.answerable import Signs, signs
from rag.embedded import Matches
from rag.types import Cell, Cells, Chunk, Passage, Reading, Spans, Statement, Window

TEXT = "The harbour was built by masons from Genoa in 1311. It has seven piers."


SURE = Signs(lacking=0.05, agreement=1.0, length=2.5, unnamed=0.0, counted=1.0)


def alike(question, likeness=0.0):
    """Matches in which each word of the question has one likeness with the text's first word."""
    starts = [
        at for at, c in enumerate(question) if c != " " and question[at - 1 : at] in ("", " ")
    ]
    column = np.full((len(starts), 1), likeness, np.float32)
    return Matches(np.array([0]), column, np.array(starts, np.int32))


def passage(votes=()):
    reading = Reading("r", "A Short History", (), None, "", "", "paper", "", Path("r.pdf"))
    window = Window("w", ("1 Building",), "paragraph", TEXT, Spans.of(()))
    return Passage(Chunk("c", reading, window, 0, len(TEXT)), 1, 1.0, votes)


def found(question, likeness=0.0, weight=lambda term: 1.0, votes=(("bm25", 1.0),)):
    first = passage(votes)
    near = [(Statement(TEXT[:51], first, 0, 51), alike(question, likeness))]
    return signs(question, weight, near, first)


def test_nothing_is_lacking_where_every_word_stands_near():
    assert found("Which masons built the seven piers?").lacking == 0
    assert found("Was there building in the history?").lacking == 0, "heading and title count"


def test_a_word_that_stands_nowhere_speaks_against_an_answer():
    known, unknown = found("Who built the harbour?"), found("Who insured the harbour?")
    assert unknown.lacking > known.lacking == 0
    assert unknown.odds < known.odds


def test_a_word_with_its_like_on_the_page_is_not_lacking():
    question = "Who constructed the harbour?"
    assert found(question, likeness=0.9).lacking == 0
    assert 0 < found(question, likeness=0.6).lacking < found(question, likeness=0.3).lacking


def test_a_rare_word_is_missed_more_than_one_of_every_page():
    rare = found("Which zeppelin landed at the harbour?", weight=lambda t: float(t == "zeppelin"))
    common = found("Which zeppelin landed at the harbour?", weight=lambda t: float(t == "harbour"))
    assert rare.lacking > common.lacking


@pytest.mark.parametrize(
    "question",
    ["Why didn't masons pay? pls explain", "Define masons", "what's a mason, in short?"],
)
def test_words_that_only_say_how_to_answer_are_not_missed(question):
    assert (
        found(question).lacking == found("masons pay?" if "pay" in question else "masons").lacking
    )


def test_the_sentence_that_misses_least_counts():
    question = "Who insured the piers?"
    one = found(question)
    said = Statement(TEXT, passage(), 0, len(TEXT))
    better = replace(said, text="Genoa insured the piers.")
    near = [(said, alike(question)), (better, alike(question))]
    both = signs(question, lambda term: 1.0, near, said.passage)
    assert both.lacking == 0 < one.lacking


def test_without_a_sentence_or_a_word_there_are_no_signs():
    assert found("Who is who?") is None
    assert signs("masons", lambda term: 1.0, [], passage()) is None


def test_rankers_that_differ_speak_against_an_answer():
    sure = SURE
    assert replace(sure, agreement=0.0).odds < sure.odds
    assert replace(sure, lacking=1.0).odds < sure.odds
    assert found("masons", votes=(("dense", 0.3), ("bm25", 1.0))).agreement == 0.3


def test_nothing_is_read_where_there_is_no_doubt():
    assert SURE.answer(lambda: pytest.fail("it was read"))


def test_where_there_is_doubt_what_is_read_decides():
    doubtful = replace(SURE, lacking=0.7, length=1.5)
    assert doubtful.odds < SURE.odds
    assert doubtful.answer(lambda: 3.0)
    assert not doubtful.answer(lambda: -6.0)


def test_a_missed_name_speaks_more_against_an_answer_than_another_word():
    name, word = found("Who paid Lucca?"), found("Who paid lucca?")
    assert name.unnamed > word.unnamed == 0
    assert name.odds < word.odds
    assert found("Who came from Genoa in 1311?").unnamed == 0
    assert found("WHO PAID LUCCA?").unnamed == 0, "all in capitals"
    for question in ("Insured by whom?", "“Insured by whom?”", "Thanks. Insured by whom?"):
        assert found(question).unnamed == 0, "a first word is no name"


def counted(question, text, cells=()):
    first = passage()
    window = replace(first.chunk.window, text=text, cells=Cells.of(cells))
    first = replace(first, chunk=replace(first.chunk, window=window, end=len(text)))
    near = [(Statement(text, first, 0, len(text)), alike(question))]
    return signs(question, lambda term: 1.0, near, first).counted


def test_what_is_counted_must_stand_beside_a_number():
    text = "Genoa sent 40 masons in March. They slept in tents and were led by a priest."
    assert counted("How many masons?", text) == 1
    assert counted("How many masons?", text.replace("40", "seven")) == 1
    assert counted("Of the masons, how many masons?", text) == 1, "named before, too"
    assert counted("How many masons from Venice?", text) == 0.5
    assert counted("How many tents had they?", text) == 0, "too far from the number"
    assert counted("How many of the 40 masons slept?", text) == 0, "the question knows it"
    assert counted("How many masons?", "The masons [12] (Rossi, 2019) were paid.") == 0, "cited"
    assert counted("Which tents had they?", text) == 1


def test_a_cells_number_counts_what_its_head_says():
    assert counted("How many masons?", "Genoa | 40", [Cell(8, 10, "Masons")]) == 1
    assert counted("How many masons?", "Genoa | 40", [Cell(8, 10, "Tents")]) == 0
