"""Whether what a page says answers a question: the model of our own."""

from pathlib import Path

import pytest

from rag.reader import Reader, _around, _told
from rag.types import Cell, Cells, Chunk, Passage, Reading, Spans, Statement, Window

READING = Reading("r", "A Short History", (), None, "", "", "paper", "", Path("r.pdf"))
TEXT = (
    "The town lies on the coast. The harbour was built by masons from Genoa in 1311. "
    "It has seven piers, of which three are open to large ships. Trade began soon after."
)


def statement(text, said, kind="paragraph", context="", cells=()):
    window = Window("w", (), kind, text, Spans.of(()), Cells.of(cells))
    passage = Passage(Chunk("c", READING, window, 0, len(text), context), 1, 1.0, ())
    start = text.index(said)
    return Statement(said, passage, start, start + len(said))


def read(said):
    return _told(said, *_around(said))


@pytest.fixture(scope="module")
def reader():
    return Reader()


@pytest.mark.parametrize(
    ("answered", "unanswered"),
    [
        ("When was the harbour built?", "When was the lighthouse of the harbour built?"),
        ("Where did the masons come from?", "How much were the masons paid?"),
        ("how many piers are there", "how deep is the water at the piers"),
    ],
)
def test_a_question_that_the_text_answers_is_told_from_one_that_it_nearly_does(
    reader, answered, unanswered
):
    said = [statement(TEXT, "The harbour was built by masons from Genoa in 1311.")]
    assert reader.odds(answered, said) > 0 > reader.odds(unanswered, said)


def test_of_several_statements_the_best_counts(reader):
    one, other = (
        statement(TEXT, "Trade began soon after."),
        statement("Tea is green.", "Tea is green."),
    )
    question = "When did trade begin?"
    alone = [reader.odds(question, [each]) for each in (one, other)]
    assert reader.odds(question, [one, other]) == pytest.approx(max(alone))


def test_a_sentence_is_read_between_those_next_to_it_behind_the_title():
    told = read(statement(TEXT, "It has seven piers, of which three are open to large ships."))
    assert told == f"A Short History. {TEXT[TEXT.index('The harbour') :]}"


def test_of_a_long_window_only_what_stands_next_is_read():
    long = " ".join(
        f"Sentence {n} tells of the piers and of their long history." for n in range(60)
    )
    told = read(statement(long, "Sentence 30 tells of the piers and of their long history."))
    assert "Sentence 29" in told
    assert "Sentence 31" in told
    assert "Sentence 28" not in told
    assert len(told.split()) < 120


def test_what_is_said_is_read_whole_however_long():
    long = f"It is {'very ' * 70}old. It was trained on 42 machines. Then it rained."
    said = long[: long.index(" Then")]
    assert read(statement(long, said)) == f"A Short History. {said}"


def test_a_row_is_read_with_its_tables_caption():
    row = "Ada — Python: 7.1"
    said = statement(
        "Ada 7.1", "Ada 7.1", "table", "Table 2: Scores", [Cell(0, 3, ""), Cell(4, 7, "Python")]
    )
    told = read(Statement(row, said.passage, said.start, said.end))
    assert told == "A Short History. Table 2: Scores | Ada — Python: 7.1"


def test_a_sentence_that_was_read_with_another_is_not_read_again(reader, monkeypatch):
    seen = []
    ask = reader._model.logarithms
    monkeypatch.setattr(
        reader._model,
        "logarithms",
        lambda question, texts: seen.append(texts) or ask(question, texts),
    )
    first, second = (
        statement(TEXT, said) for said in ("The town lies on the coast.", "It has seven")
    )
    reader.odds("How many piers?", [first, second])
    assert [len(texts) for texts in seen] == [1]
