import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from tests import pdfs
from tests.marked import question, unanswerable
from tests.test_marks import SCORE, score

DEV = pdfs.SHARED / "questions" / "dev.jsonl"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror='alert(2)'> & \"quoted\" \x1b[31m \u2028 torn"
)
QUESTIONS = [
    question(
        "built",
        evidence=[{"reading": "harbour", "page": 1, "quote": "built by masons from Genoa in 1311"}],
    ),
    question(
        "loss",
        type="table",
        question="What was the loss of Ship05?",
        readings=["losses"],
        keys=[["35.5%"]],
        evidence=[{"reading": "losses", "page": 1, "cells": ["Ship05", "35.5%"]}],
    ),
    question(
        "wrong",
        question="How many boats are in the fleet?",
        keys=[["ninety"]],
        evidence=[{"reading": "harbour", "page": 1, "quote": "ninety boats"}],
    ),
    question(
        "hostile",
        question=f"Who sells herring? {HOSTILE}",
        answer=HOSTILE,
        keys=[[HOSTILE]],
        evidence=[{"reading": "harbour", "page": 1, "quote": HOSTILE}],
    ),
    unanswerable("tungsten", question="What is the boiling point of tungsten?"),
    question("elsewhere", readings=["harbour", "not-here"]),
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return written(tmp_path_factory.mktemp("questions") / "q.jsonl", QUESTIONS)


def written(file, questions):
    lines = [json.dumps(one, ensure_ascii=False) for one in questions]
    file.write_text("\n".join(lines), encoding="utf-8")
    return str(file)


def result(done):
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return json.loads(line)


@pytest.fixture(scope="module")
def report(harbour, asked, tmp_path_factory):
    """One evaluation under two settings: its JSON and its page."""
    page = tmp_path_factory.mktemp("report") / "report.html"
    compared = ["--compare", "RETRIEVER=bm25", "--compare", "RAG_PASSAGES=3"]
    done = harbour("evaluate", asked, "--json", "--html", str(page), *compared)
    return result(done), page.read_text(encoding="utf-8")


def test_figures_stand_in_all_and_by_type_each_with_its_interval(report):
    figures = report[0]["runs"][0]["figures"]
    assert {name: group["n"] for name, group in figures.items()} == {
        "all": 4,
        "factoid": 3,
        "table": 1,
        "unanswerable": 1,
    }
    found = figures["all"]["text@5"]
    assert found["mean"] == 0.5
    assert found["low"] < found["mean"] < found["high"]
    assert figures["table"]["key_in_answer"]["mean"] == 1
    assert figures["unanswerable"]["abstained"]["mean"] == 1


def test_questions_about_readings_that_are_not_here_are_left_out_and_counted(harbour, asked):
    done = harbour("evaluate", asked, "--json", "--retrieval-only")
    assert result(done)["left_out"] == ["elsewhere"]
    assert "1 question was left out" in done.stderr
    assert "not-here" in done.stderr


def test_both_settings_and_their_difference_are_shown(report):
    first, second = report[0]["runs"]
    assert first["name"] == "RETRIEVER=hybrid PASSAGES=8"
    assert second["name"] == "RETRIEVER=bm25 PASSAGES=3"
    assert second["settings"]["retriever"] == "bm25"
    for name, figure in report[0]["differences"]["all"].items():
        if name != "n":
            before, after = (run["figures"]["all"][name]["mean"] for run in (first, second))
            assert figure["mean"] == pytest.approx(after - before, abs=1e-5)
            assert figure["excludes_zero"] == (figure["low"] > 0 or figure["high"] < 0)


@pytest.mark.parametrize("retriever", ["bm25", "dense"])
def test_a_comparison_says_whether_the_intervals_exclude_zero(harbour, asked, retriever):
    done = harbour("evaluate", asked, "--compare", f"retriever={retriever}")
    assert f"RETRIEVER={retriever}" in done.stdout
    assert re.search(r"page@1 +1\.0 \[1\.0 1\.0\] .*(in|ex)cludes zero", done.stdout)
    assert re.search(r"no interval excludes zero|these intervals exclude zero", done.stdout)


def test_misses_show_what_was_wanted_and_what_came(harbour, asked):
    done = harbour("evaluate", asked, "--misses")
    assert done.returncode == 0, done.stderr
    assert "Missed, as set: 2 of 5 questions" in done.stdout
    told = done.stdout[done.stdout.index("wrong (factoid)") : done.stdout.index("hostile (")]
    for part in (
        "do not hold the evidence",
        "facts are missing",
        "stands at: harbour, p. 1: ninety boats",
        "lacks: ninety",
        "came first: A Short History of the Harbour, p. 1:",
        "answer: ",
    ):
        assert part in told
    assert "\x1b" not in done.stdout
    assert "Missed" not in harbour("evaluate", asked).stdout


def test_a_followup_is_judged_by_what_is_asked_in_the_end(harbour, tmp_path):
    line = {"id": "when", "first": "Who built the harbour?", "followup": "When did they do that?"}
    place = {"reading": "harbour", "page": 1, "quote": "from Genoa in 1311"}
    wrong = {"reading": "harbour", "page": 1, "quote": "ninety boats"}
    file = written(
        tmp_path / "q.jsonl",
        [
            line | {"readings": ["harbour"], "keys": [["1311"]], "evidence": [place]},
            line | {"id": "missed", "readings": ["harbour"], "evidence": [wrong]},
        ],
    )
    done = harbour("evaluate", file, "--json")
    marks = {one["id"]: one for one in result(done)["runs"][0]["marks"]}
    assert marks["when"]["text@1"] == 1
    assert marks["when"]["key_in_answer"] == 1
    shown = harbour("evaluate", file, "--misses").stdout
    assert "asked: When did they do that (built the harbour)?" in " ".join(shown.split())


def test_retrieval_alone_asks_for_no_answers(harbour, asked):
    found = result(harbour("evaluate", asked, "--json", "--retrieval-only", "--k", "4"))
    figures = found["runs"][0]["figures"]
    assert set(figures["all"]) == {"n", "page@1", "page@3", "page_mrr"} | {
        "text@1",
        "text@3",
        "text_mrr",
    }
    assert "unanswerable" not in figures


def test_one_reading_can_be_evaluated_alone(harbour, asked):
    found = result(harbour("evaluate", asked, "--json", "--reading", "losses"))
    assert found["readings"] == ["losses"]
    assert [mark["id"] for mark in found["runs"][0]["marks"]] == ["loss", "tungsten"]


def test_a_question_that_cannot_be_asked_is_named_and_the_others_go_on(harbour, tmp_path):
    file = written(tmp_path / "q.jsonl", [question("long", question="x" * 3000), QUESTIONS[1]])
    done = harbour("evaluate", file, "--json")
    assert done.returncode == 1
    assert "long: The question has 3,000 characters" in done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert [failed["id"] for failed in run["failed"]] == ["long"]
    assert run["figures"]["all"]["n"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--compare", "bm25"], 2, "FIELD=VALUE"),
        (["--compare", "COLOUR=red"], 2, "colour"),
        (["--compare", "PASSAGES=many"], 2, "whole number"),
        (["--compare", "RETRIEVER=hybrid"], 2, "changes nothing"),
        (["--compare", "RETRIEVER=nonsense"], 1, "nonsense"),
        (["--reading", "nonsense"], 1, "harbour, losses"),
        (["--k", "0"], 2, "--k"),
        (["--html", "/nowhere/report.html"], 2, "folder does not exist"),
        (["--html", "/"], 2, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(harbour, asked, arguments, code, said):
    done = harbour("evaluate", asked, *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_malformed_line_is_named_with_its_file(harbour, tmp_path):
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps(QUESTIONS[0]) + "\n{oops\n", encoding="utf-8")
    done = harbour("evaluate", str(file))
    assert done.returncode == 2
    assert f"{file}, line 2: not JSON" in done.stderr
    assert done.stdout == ""
    assert harbour("evaluate", str(tmp_path / "none.jsonl")).returncode == 2


class Page(HTMLParser):
    """The tags of a page with their attributes, checked to close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.said = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)


def test_the_page_stands_alone_and_escapes_everything(report):
    page = Page()
    page.feed(report[1])
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "a"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "http" not in re.sub(r'http-equiv="', "", report[1])
    assert any("<script>alert(1)</script>" in said for said in page.said)
    assert "\x1b" not in report[1]


def test_the_page_can_be_read_by_ear_and_in_the_dark(report):
    page = Page()
    page.feed(report[1])
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    assert "prefers-color-scheme: dark" in report[1]
    assert tags.count("table") == tags.count("caption") > 3
    assert all(attrs.get("scope") in {"col", "row"} for tag, attrs in page.tags if tag == "th")
    assert tags.count("h1") == tags.count("main") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_page_tells_settings_date_and_misses(report):
    found, page = report
    assert found["date"] in page
    for words in ("bm25", "liteparse", "Missed, RETRIEVER=hybrid PASSAGES=8", "includes zero"):
        assert words in page


@pytest.mark.skipif(not SCORE.exists(), reason="the readings are not here, nor is their scorer")
def test_figures_over_the_readings_are_those_of_the_scorer(readings, tmp_path):
    ours = result(readings("evaluate", str(DEV), "--json"))["runs"][0]["figures"]
    told = {}
    for command in ("ask", "search"):
        done = readings(command, "--questions", str(DEV), "--json")
        for line in done.stdout.splitlines():
            record = json.loads(line)
            told[record["id"]] = told.get(record["id"], {}) | record
    lines = DEV.read_text(encoding="utf-8").split("\n")
    theirs = score([json.loads(line) for line in lines if line.strip()], told.values(), tmp_path)
    assert theirs.pop("missing") == 0
    for group in theirs.values():
        if "answered" in group:
            group["wrongly_abstained"] = 1 - group.pop("answered")
        for short in ("page_hit", "page_precision"):
            if f"cite_{short}" in group:
                group[f"citation_{short}"] = group.pop(f"cite_{short}")
    assert set(ours) == set(theirs)
    for name, group in theirs.items():
        assert set(ours[name]) == set(group)
        assert ours[name]["n"] == group.pop("n")
        for figure, value in group.items():
            assert ours[name][figure]["mean"] == pytest.approx(value, abs=0.00051), (name, figure)
