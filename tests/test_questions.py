import json
import re

import pytest

from rag.assembly import plugin
from rag.errors import SettingsError
from rag.marks import text_hit
from rag.questions import UNANSWERABLE, parse_questions
from rag.settings import Settings
from tests import pdfs
from tests.conftest import ROOT
from tests.marked import question, unanswerable


def test_questions_keep_their_order_and_blank_lines_do_not_count():
    lines = [json.dumps(question("b")), "", json.dumps(unanswerable("a")), "  "]
    found = parse_questions(lines, "q.jsonl")
    assert [(q.question_id, q.answerable) for q in found] == [("b", True), ("a", False)]


def test_cells_are_wanted_together_and_take_the_place_of_a_quote():
    evidence = [{"reading": "harbour", "page": 2, "quote": "x", "cells": ["Ship05", "35.5%"]}]
    (found,) = parse_questions([json.dumps(question(evidence=evidence))], "q.jsonl")
    assert found.evidence[0].texts == ("Ship05", "35.5%")


def followup(**fields):
    line = {
        key: value for key, value in question().items() if key in ("id", "readings", "evidence")
    }
    return json.dumps(line | {"first": "Who built it?", "followup": "when?"} | fields)


def test_a_followup_has_what_was_asked_before_and_is_answerable():
    found, other = parse_questions(
        [followup(), json.dumps(question("q2", earlier=["a?", "b?"]))], "q.jsonl"
    )
    assert (found.question, found.earlier) == ("when?", ("Who built it?",))
    assert (found.kind, found.answerable) == ("followup", True)
    assert other.earlier == ("a?", "b?")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[1]", "must be a JSON object"),
        (json.dumps(question("")), '"id"'),
        (json.dumps(question("first")), "'first' is taken"),
        (json.dumps(question(question=" ")), '"question"'),
        (json.dumps(question(readings="harbour")), '"readings" must be a list'),
        (json.dumps(question(readings=[])), '"readings" and "evidence"'),
        (json.dumps(question(keys=["masons"])), '"keys" must be a list'),
        (json.dumps(question(keys=[[""]])), '"keys" must be a text'),
        (json.dumps(question(evidence=[{"reading": "harbour", "page": "2"}])), '"page"'),
        (json.dumps(question(evidence=[{"page": 2}])), '"reading" in "evidence"'),
        (json.dumps(question(answerable="yes")), '"answerable" must be true or false'),
        (json.dumps(question(type="all")), "names other figures"),
        (json.dumps(question(earlier="what?")), '"earlier" must be a list'),
        (json.dumps(question(earlier=[""])), '"earlier" must be a text'),
        (followup(first=" "), '"first" must be a text'),
        (followup(question="when?"), "stand in the place"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_malformed_line_is_named_with_what_is_wrong(line, complaint):
    with pytest.raises(SettingsError) as raised:
        parse_questions([json.dumps(question("first")), line], "q.jsonl")
    assert str(raised.value).startswith("q.jsonl, line 2: ")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_without_questions_is_refused():
    with pytest.raises(SettingsError, match="holds no question"):
        parse_questions(["", " "], "q.jsonl")


def kept(name):
    text = (ROOT / "tests" / "questions" / name).read_text(encoding="utf-8")
    return parse_questions(text.split("\n"), name)


def test_the_questions_of_the_tests_can_be_read():
    assert len(kept("papers.jsonl")) > 200


def test_the_questions_on_refusing_are_about_one_paper_each_and_most_have_no_answer():
    found = kept("papers_refusals.jsonl")
    assert all(len(q.readings) == 1 for q in found)
    assert all(q.answerable == (q.kind != UNANSWERABLE) == bool(q.evidence) for q in found)
    answerable = [q for q in found if q.answerable]
    assert len(answerable) >= 60
    assert len(found) - len(answerable) >= 120
    others = {q.question.casefold() for q in kept("papers.jsonl")}
    assert not others.intersection(q.question.casefold() for q in found)


@pytest.mark.skipif(not (pdfs.SHARED / "papers").is_dir(), reason="the papers are not here")
def test_the_evidence_of_the_questions_on_refusing_stands_on_its_pages():
    parser = plugin("parsers", "liteparse").load(Settings.load())
    pages = {}
    for asked in kept("papers_refusals.jsonl"):
        for place in asked.evidence:
            if place.reading not in pages:
                pages[place.reading] = parser.read(pdfs.SHARED / "papers" / f"{place.reading}.pdf")
            page = pages[place.reading][place.page - 1]
            text = "\n".join(block.text for block in page.blocks)
            record = {"reading": place.reading, "pages": [place.page], "text": _one_word(text)}
            assert text_hit(record, place), (asked.question_id, place)


def _one_word(text):
    """The text without blanks, so that no passage's limit of words cuts it."""
    return re.sub(r"-\n|\s", "", text)


@pytest.mark.skipif(not (pdfs.SHARED / "questions").is_dir(), reason="the readings are not here")
def test_the_questions_about_the_readings_can_be_read():
    text = (pdfs.SHARED / "questions" / "dev.jsonl").read_text(encoding="utf-8")
    assert len(parse_questions(text.split("\n"), "dev.jsonl")) > 50
