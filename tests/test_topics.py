import json

import pytest

from rag.errors import SettingsError
from rag.topics import LONGEST_TOPIC, MOST_TOPICS, Topic, parse_records, parse_topics


def texts(lines):
    return [topic.text for topic in parse_topics(lines, "t.txt")]


def test_each_line_is_a_topic_but_comments_and_empty_lines():
    lines = ["# Week 1", "-----", "Piers", "", "   ", " - Fishing and\ttrade", "2) Storms", "#"]
    assert texts(lines) == ["Piers", "Fishing and trade", "Storms"]
    assert [topic.topic_id for topic in parse_topics(lines, "t.txt")] == ["1", "2", "3"]


def test_what_would_steer_a_terminal_is_not_kept():
    assert texts(["Pi\x1b[31mers \u202e\u2028 and salt"]) == ["Pi [31mers and salt"]


@pytest.mark.parametrize(
    ("text", "sought"),
    [
        ("Discuss how harbours are built", "how harbours are built"),
        ("Students will be able to explain and evaluate fishing rights", "fishing rights"),
        ("Fishing rights", "Fishing rights"),
        ("Evaluate", "Evaluate"),
    ],
)
def test_what_students_are_to_do_with_a_topic_is_not_looked_for(text, sought):
    assert Topic("1", text).sought == sought


def test_records_keep_their_ids_and_may_say_more():
    lines = [json.dumps({"id": "a", "topic": "Piers", "readings": {}}), "", '{"topic": "Salt"}']
    assert parse_records(lines, "t.jsonl") == [Topic("a", "Piers"), Topic("2", "Salt")]


@pytest.mark.parametrize("line", ["[]", "3", "{", '{"id": 1}', '{"topic": 3}', '{"topic": "--"}'])
def test_a_record_that_is_no_topic_is_named(line):
    with pytest.raises(SettingsError, match=r"t\.jsonl, line 2"):
        parse_records(['{"topic": "x"}', line], "t.jsonl")


@pytest.mark.parametrize(
    "lines", [[], ["# only"], ["…"], ["x" * (LONGEST_TOPIC + 1)], ["x"] * (MOST_TOPICS + 1)]
)
def test_a_file_that_holds_no_topics_is_refused(lines):
    with pytest.raises(SettingsError, match=r"t\.txt"):
        parse_topics(lines, "t.txt")
