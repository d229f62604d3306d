import json
import random
import subprocess
import sys

import pytest

from rag.marks import lacking, mark, misses
from rag.questions import parse_questions
from tests import pdfs
from tests.marked import marks, parsed, passage, question, unanswerable

SCORE = pdfs.SHARED / "tools" / "score.py"
NAMES = {"wrongly_abstained": "answered", "citation_page_hit": "cite_page_hit"} | {
    "citation_page_precision": "cite_page_precision"
}


def score(questions, records, folder):
    """The figures of the other implementation, under our names."""
    files = [folder / "questions.jsonl", folder / "results.jsonl"]
    for file, lines in zip(files, (questions, records), strict=True):
        file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    command = [sys.executable, str(SCORE), *map(str, files), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_page_counts_from_the_first_passage_that_stands_on_it():
    values = marks(passages=[passage(pages=[1]), passage("other"), passage()]).values
    assert (values["page@1"], values["page@3"], values["page_mrr"]) == (0, 1, 1 / 3)


def test_only_the_first_two_pages_of_a_passage_count():
    assert marks(passages=[passage(pages=[1, 2, 3])]).values["page@1"] == 1
    assert marks(passages=[passage(pages=[0, 1, 2])]).values["page@1"] == 0


def test_evidence_is_found_whatever_its_spacing_case_and_hyphens():
    assert marks(passages=[passage(text="BUILT by ma-\nsons")]).values["text@1"] == 1
    assert marks(passages=[passage(text="built by others")]).values["text@1"] == 0


def test_only_the_first_300_words_of_a_passage_count():
    late = "word " * 299 + "built by masons"
    assert marks(passages=[passage(text=late)]).values["text@1"] == 0


def test_a_question_over_two_readings_is_found_when_the_later_is():
    evidence = [
        {"reading": "harbour", "page": 2, "quote": "masons"},
        {"reading": "losses", "page": 1, "quote": "Ship05"},
    ]
    fields = {"readings": ["harbour", "losses"], "evidence": evidence}
    both = [passage(), passage("other"), passage("losses", [1], "Ship05 was lost")]
    assert marks(fields, both).values["page_mrr"] == 1 / 3
    assert marks(fields, both[:2]).values["page_mrr"] == 0


def test_ranks_beyond_what_was_searched_get_no_mark():
    assert {"page@3", "page_mrr"} < set(marks(k=4).values)
    assert "page@5" not in marks(k=4).values


@pytest.mark.parametrize(
    ("key", "answer", "held"),
    [
        ("10", "there are 10.", True),
        ("10", "there are 110", False),
        ("10", "there are 10.5", False),
        ("10", "there are 3.10", False),
        ("2.5", "it was 2.50 m", True),
        ("lean", "the cleaners", False),
        ("Lean", "uses lean", True),
        ("GSM 8K", "on GSM8K-hard", True),
        ("10%", "10% of them", True),
        ("late", "word " * 120 + "late", False),
    ],
)
def test_a_key_must_stand_by_itself(key, answer, held):
    assert (lacking(parsed(keys=[[key]]), answer) == ()) == held


def test_a_declined_answer_holds_no_facts_even_where_its_words_do():
    values = marks(answer="nothing about masons", abstained=True).values
    assert (values["key_in_answer"], values["wrongly_abstained"]) == (0, 1)
    assert "citation_page_precision" not in values


def test_precision_is_the_share_of_citations_on_a_right_page():
    cited = [passage(), passage(pages=[7])]
    values = marks(answer="masons", abstained=False, citations=cited).values
    assert (values["citation_page_hit"], values["citation_page_precision"]) == (1, 0.5)


def test_an_unanswerable_question_is_only_marked_for_declining():
    (asked,) = parse_questions([json.dumps(unanswerable("u"))], "q")
    record = {"passages": [], "answer": "forty", "abstained": False}
    assert mark(asked, record, 10).values == {"abstained": 0}


def test_a_miss_says_why_and_what_the_answer_lacks():
    fields = {"keys": [["masons", "builders"], ["Genoa"]]}
    late = [passage("other")] * 6 + [passage()]
    found = [
        marks(fields, late, answer="builders", abstained=False),
        marks(fields, [passage()], answer="none", abstained=True),
        marks(fields, [passage()], answer="masons of Genoa", abstained=False),
    ]
    first, second = misses(found, 10)
    assert first.reasons == (
        "the first 5 passages do not hold the evidence, the first 7 do",
        "facts are missing in the answer",
    )
    assert first.lacking == (("Genoa",),)
    assert second.reasons == ("declined, although the readings answer it",)


def test_without_answers_only_what_was_not_found_is_a_miss():
    (miss,) = misses([marks(passages=[passage("other")]), marks(passages=[passage()])], 3)
    assert miss.reasons == ("the first 3 passages do not hold the evidence, nor do the others",)


def made_up(count):
    """Questions and records with everything that makes counting hard, each of its own type."""
    draw = random.Random(7)
    words = (
        "10 10.5 110 2.5 2.50 36.7% 1,598 −3.2 lean Lean cleaner GSM8K GSM-8K ﬁne ½ x² Ma-\nsons"
    )
    vocabulary = [*words.split(" "), "built by", "masons.", "Ship05", "[1]", "  ", "\n"]
    readings = ["harbour", "losses", "other"]

    def text(longest):
        return " ".join(draw.choices(vocabulary, k=draw.randint(1, longest)))

    def passages(most):
        return [
            passage(draw.choice(readings), draw.sample(range(1, 5), draw.randint(1, 3)), text(400))
            for _ in range(draw.randint(0, most))
        ]

    for number in range(count):
        evidence = [
            {"reading": draw.choice(readings), "page": draw.randint(1, 5)}
            | draw.choice([{"quote": text(3) + "x"}, {"cells": [text(2) + "y", "Ship05"]}, {}])
            | draw.choice([{}, {"quote": draw.choice(words.split(" "))}])
            for _ in range(draw.randint(1, 3))
        ]
        keys = [
            [draw.choice(words.split(" ")) for _ in range(draw.randint(1, 2))]
            for _ in range(draw.randint(0, 2))
        ]
        wanted = draw.sample(readings, draw.randint(1, 2))
        fields = {"type": f"t{number}", "readings": wanted, "evidence": evidence, "keys": keys}
        record = {"id": str(number), "passages": passages(10)}
        record |= {"answer": text(150), "abstained": draw.random() < 0.2, "citations": passages(3)}
        yield question(str(number), **fields), record


@pytest.mark.skipif(not SCORE.exists(), reason="the readings are not here, nor is their scorer")
def test_every_mark_is_that_of_the_scorer(tmp_path):
    asked, records = zip(*made_up(400), strict=True)
    scored = score(asked, records, tmp_path)
    parsed_all = parse_questions(map(json.dumps, asked), "q.jsonl")
    seen = dict.fromkeys(("page@1", "text@5", "key_in_answer", "citation_page_hit"), 0)
    for asked_one, record in zip(parsed_all, records, strict=True):
        theirs = scored[asked_one.kind]
        ours = dict(mark(asked_one, record, 10).values)
        ours["wrongly_abstained"] = 1 - ours["wrongly_abstained"]
        assert {NAMES.get(name, name): round(value, 3) for name, value in ours.items()} == {
            name: value for name, value in theirs.items() if name != "n"
        }
        seen = {name: count + ours[name] for name, count in seen.items()}
    # Agreement over questions that all fail, or none, would say nothing.
    assert all(20 < count < 380 for count in seen.values()), seen


def test_where_only_a_page_is_given_a_passage_on_it_is_no_miss():
    paged = {"evidence": [{"reading": "harbour", "page": 3}]}
    for page, missed in ((3, 0), (4, 1)):
        assert len(misses([marks(paged, [passage(pages=[page])])], 10)) == missed
