import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from rag.assembly import open_checker
from rag.assertions import Assertion, agrees, numbers
from rag.bearing import LONGEST_SENTENCE, differs, matched
from rag.evidence import evidence
from rag.quotation import stated
from rag.settings import Settings
from tests import pdfs
from tests.conftest import ROOT

QUESTIONS = pdfs.SHARED / "questions" / "claims.jsonl"
GENOA = "The harbour was built by masons from Genoa in 1311."


def records(done):
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def checking(harbour):
    """Checks a sentence against the passages that are found for it."""
    engine, checker = open_checker(
        Settings.load(None, corpus=str(harbour.corpus), index=str(harbour.index))
    )

    def check(sentence, about=None):
        return checker.check(sentence, engine.search(about or sentence, 8))

    return check


@pytest.fixture
def unit(checking):
    """Makes the evidence of a text's last sentence, as if it stood in the harbour's guide."""
    passage = checking(GENOA).passage
    reading = replace(passage.chunk.reading, title="Port-2: A History of the Harbour")
    passage = replace(passage, chunk=replace(passage.chunk, reading=reading))

    def make(text):
        window = replace(passage.chunk.window, text=text, cells=())
        *_, last = evidence([replace(passage, chunk=replace(passage.chunk, window=window))])
        return last

    return make


def quoted(verdict):
    return verdict.passage.chunk.window.text[verdict.start : verdict.end]


def test_the_pages_own_sentence_is_quoted_from_its_place(checking):
    verdict = checking(GENOA)
    assert verdict.status == "quoted"
    assert quoted(verdict) == GENOA


def test_other_spaces_ligatures_and_quotation_marks_leave_it_a_quotation(checking):
    verdict = checking(
        "“The  fleet counts forty boats today, and\nmost of them belong to two families.”"
    )
    assert verdict.status == "quoted"
    assert checking("Storms close the harbour for twenty days a year").status == "quoted"


def test_two_sentences_that_follow_each_other_are_one_quotation(checking):
    both = f"{GENOA} It has seven piers, of which three are open to large ships."
    assert quoted(checking(both)) == both


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("The harbour has seven piers.", "The harbour had seven piers, all of them of stone."),
        (
            "The harbour has seven old piers.",
            "Moreover, the harbour has seven old piers and a dock.",
        ),
        ("The authors count forty long boats.", "In this work, we count forty long boats."),
        ("Port-2 counts forty long boats.", "We count forty long boats."),
        ("Gulls nest under the roof.", "Gulls (Smith et al., 2020) nest under the roof."),
        (
            "Block-C has forty beds in May.",
            "Block-C is a hostel. It has forty beds in May, all told.",
        ),
    ],
)
def test_a_part_of_a_sentence_that_stands_by_itself_is_supported(part, whole, unit):
    verdict = stated(part, [unit(whole)])
    assert verdict.status == "supported"
    assert whole.endswith(quoted(verdict))


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("The harbour has seven piers.", "We do not say that the harbour has seven piers."),
        ("The harbour has seven piers.", "It is a myth that the harbour has seven piers."),
        ("The harbour has seven piers.", "The harbour has seven piers only if it is dry."),
        ("The harbour has seven piers.", "The harbour has seven piers, which is false."),
        ("The harbour has seven piers.", "The harbour has, some say, seven piers."),
        ("The harbour has seven piers.", "Has the harbour seven piers?"),
        ("The old harbour has seven piers.", "The old harbour has seven piers?"),
        ("Old harbour has seven piers.", "The maps of old harbour has seven piers."),
        ("Boats win seven old prizes.", "First boats win seven old prizes."),
        ("Genoa has seven big piers.", "Genoa has five and Venice seven big piers."),
        ("Gulls and terns have 3 eggs.", "Gulls and terns have 3 and 5 eggs."),
        ("Gulls have seven old nests.", "Gulls have less than seven old nests."),
        ("Gulls have 6 tokens of it.", "Gulls have 6 trillion tokens of it."),
        ("Gulls win with 0 of them.", "Gulls win with 0.5 of them."),
        ("Gulls were seen by old Venice.", "Gulls were seen by old Venice-Mestre."),
        ("Gulls chase the old terns.", "The old terns chase the gulls."),
        ("Gulls rose from 20 to 30.", "Gulls rose from 30 to 20."),
        ("The gulls beat the terns.", "The gulls are beaten by the terns."),
        ("Seven old piers.", "Seven old piers."),
        ("Port counts forty long boats.", "In all, we count forty long boats."),
        ("Harbour counts forty long boats.", "We count forty long boats."),
    ],
)
def test_words_that_are_cut_so_that_they_say_something_else_are_no_part(part, whole, unit):
    assert stated(part, [unit(whole)]) is None


@pytest.mark.parametrize(
    "changed",
    [
        "The harbour was built by masons from Genoa in 1411.",
        "The harbour was built by masons from Venice in 1311.",
        "The harbour was not built by masons from Genoa in 1311.",
        "Fishing began much earlier than trade did.",
        "The fleet counts ninety boats today, and most of them belong to two families.",
        "The fleet counts forty boats today, and all of them belong to two families.",
        "Storms close the harbour for thirty days a year.",
        "Trade began much later than fishing did.",
    ],
)
def test_a_sentence_with_one_thing_changed_is_not_supported(checking, changed):
    verdict = checking(changed)
    assert verdict.status == "unsupported"
    assert verdict.passage.chunk.reading.reading_id == "harbour"


def test_what_the_readings_do_not_speak_of_is_not_in_them(checking):
    verdict = checking("Tungsten boils at about 5,930 degrees under normal pressure.")
    assert (verdict.status, verdict.passage, verdict.start, verdict.end) == (
        "not_in_readings", None, 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "sentence", ["", " ", "the of and", "?", "\ud800", "𝟙𝟚𝟛", "% % %", "9" * 1000]
)
def test_a_sentence_of_no_words_is_never_supported(checking, sentence):
    assert checking(sentence, about="harbour").status in ("not_in_readings", "unsupported")


def test_a_text_too_long_to_be_a_sentence_is_not_supported_unread(checking):
    text = GENOA * (LONGEST_SENTENCE // len(GENOA) + 1)
    assert checking(text, about="harbour").status == "unsupported"


def test_without_passages_nothing_bears_a_sentence_out(harbour):
    _, checker = open_checker(
        Settings.load(None, corpus=str(harbour.corpus), index=str(harbour.index))
    )
    assert checker.check(GENOA, ()).status == "not_in_readings"


def test_threads_get_the_same_verdicts(checking):
    sentences = [GENOA, "The harbour was built in 1411.", "Herring is salted on the pier."] * 4
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(checking, sentences)) == [checking(one) for one in sentences]


@pytest.mark.parametrize(
    ("said", "there"),
    [
        ("40k images", "40,000 images"),
        ("1.5 million rows", "1500000 rows"),
        ("twenty days", "20 days"),
        ("70.3 percent", "0.703"),
        ("70.3%", "70.3"),
        ("about 300", "a total of 297"),
        ("a quarter", "0.25"),
        ("6B tokens", "6 billion tokens"),
    ],
)
def test_a_number_is_the_same_in_other_spellings(said, there):
    assert agrees(numbers(said)[0], numbers(there)[0])


@pytest.mark.parametrize(
    ("said", "there"), [("40k", "40"), ("15%", "50%"), ("1.5", "15"), ("300", "297"), ("6B", "6M")]
)
def test_another_number_does_not_agree(said, there):
    assert not agrees(numbers(said)[0], numbers(there)[0])


def test_citations_and_parts_of_names_are_no_numbers():
    assert numbers("GPT-4 [12, 13] (Li et al., 2021) has pass@1 of 7")[0].value == 7


def read(sentence):
    return Assertion.read(sentence, lambda term: 0.5)


@pytest.mark.parametrize(
    ("claim", "page"),
    [
        ("Our model beats the old baseline.", "Our model trails the old baseline."),
        ("Training includes the test images.", "Training excludes the test images."),
        ("The models can read every long table.", "The models cannot read long tables."),
    ],
)
def test_a_near_copy_that_says_the_opposite_differs(claim, page):
    assert differs(read(claim), read(page))


def test_a_near_copy_that_says_the_same_does_not_differ():
    assert not differs(
        read("The crawler reached 118 of 120 pages on Monday."),
        read("On Monday, the crawler reached 118/120 pages."),
    )


def test_a_word_is_matched_by_the_unit_or_by_its_title():
    axes = np.eye(3, dtype=np.int8) * 127
    match, back = matched(axes, axes[:1], axes[1:2])
    assert match == pytest.approx([1, 1, 0])
    assert back == pytest.approx(1)


def test_nothing_matches_a_sentence_or_a_unit_of_no_words():
    axes, none = np.eye(3, dtype=np.int8) * 127, np.zeros((0, 3), np.int8)
    for sentence, unit in ((none, axes), (axes, none)):
        match, back = matched(sentence, unit, axes)
        assert len(match)
        assert not match.any()
        assert back == 0


def test_the_claims_of_the_tests_have_evidence_where_they_say_so():
    text = (ROOT / "tests" / "questions" / "papers_claims.jsonl").read_text(encoding="utf-8")
    claims = [json.loads(line) for line in text.splitlines()]
    assert len({claim["id"] for claim in claims}) == len(claims) >= 250
    for claim in claims:
        borne = claim["label"] in ("supported", "unsupported")
        assert borne or claim["label"] == "not_in_readings"
        fields = (claim["reading"], claim["pages"], claim["evidence"])
        assert [bool(field) for field in fields] == [borne] * 3, claim["id"]


def test_the_command_gives_one_object_a_line_in_order(harbour, tmp_path):
    file = tmp_path / "claims.jsonl"
    lines = [
        {"id": "b", "sentence": GENOA},
        {"id": "a", "sentence": "The harbour was built by masons from Genoa in 1411."},
        {"id": "c", "sentence": "Tungsten boils at about 5,930 degrees under normal pressure."},
        {"id": "d", "sentence": "x" * 5000},
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    done = harbour("check", "--claims", str(file), "--json")
    found = records(done)
    assert done.returncode == 1
    assert [r["id"] for r in found] == ["b", "a", "c", "d"]
    assert found[0] == lines[0] | {
        "status": "supported", "quote": GENOA, "reading": "harbour", "pages": [1],
    }  # fmt: skip
    assert (found[1]["status"], found[1]["quote"]) == ("unsupported", GENOA)
    assert found[2] == lines[2] | {
        "status": "not_in_readings", "quote": "", "reading": None, "pages": [],
    }  # fmt: skip
    assert "characters" in found[3]["error"]


def test_the_command_says_it_in_words(harbour):
    done = harbour("check", GENOA)
    assert "Supported (harbour, p. 1)" in done.stdout
    assert f"“{GENOA}”" in done.stdout


def test_one_reading_may_be_looked_in_alone(harbour):
    (record,) = records(harbour("check", GENOA, "--reading", "losses", "--json"))
    assert record["reading"] in (None, "losses")
    assert record["status"] != "supported"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        ([""], 2),
        (["x" * 20_000], 2),
        (["the\x1b[31m harbour\x07 is red"], 0),
        (["so?", "--reading", "nonsense"], 1),
        (["--claims", "/nowhere.jsonl"], 2),
        (["one", "--claims", "/nowhere.jsonl"], 2),
    ],
)
def test_bad_input_gets_a_sentence_and_never_a_traceback(harbour, arguments, code):
    done = harbour("check", *arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("line", ["[]", "3", "{", '{"id": 1}', '"sentence"'])
def test_a_line_that_is_no_claim_is_named(harbour, tmp_path, line):
    file = tmp_path / "claims.jsonl"
    file.write_text(f'{{"sentence": "x"}}\n{line}\n', encoding="utf-8")
    done = harbour("check", "--claims", str(file))
    assert done.returncode == 2
    assert "line 2" in done.stderr


def test_claims_about_the_real_readings_are_told_apart_better_than_by_chance(readings):
    found = records(readings("check", "--claims", str(QUESTIONS), "--json"))
    labels = [json.loads(line)["label"] for line in QUESTIONS.read_text("utf-8").splitlines()]
    right = {label: [] for label in labels}
    for record, label in zip(found, labels, strict=True):
        right[label].append(record["status"] == label)
    shares = [sum(hits) / len(hits) for hits in right.values()]
    # By chance it would be a third: the bars of the course (.85, .80, .80) are not reached.
    assert sum(shares) / len(shares) >= 0.5, right
