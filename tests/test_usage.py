import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from rag.assembly import open_engine
from rag.log import Entry, Touched
from rag.logbook import Logbook
from rag.settings import Settings
from rag.types import Chunk, Reading, Span, Spans, Window
from rag.usage import alike_labels, usage
from rag.usage_page import as_page
from rag.usage_report import as_record, as_text
from tests.conftest import Command
from tests.test_evaluate import Page
from tests.workshop import WordEmbedder, words_of

READING = Reading("r", "A title", (), None, "", "", "paper", "", Path("r.pdf"))
HOSTILE = "<script>alert(1)</script>"


def chunk(section, page):
    text = f"Words about {section}."
    spans = Spans.of(Span(s.start, s.end, s.box) for s in words_of(text, page, 1))
    return Chunk(section, READING, Window(section, (section,), "paragraph", text, spans), 0, 9)


SHELF = {READING: [chunk("Piers", 1), chunk("Fishing", 2), chunk("Salt", 4)]}


def embed(questions):
    return np.concatenate([WordEmbedder().embed_query(question).vectors for question in questions])


def entry(question, session, **changes):
    plain = Entry(
        entry_id=f"{question}{session}",
        at=datetime(2026, 11, 25, 14),
        session=session,
        question=question,
        readings=("r",),
        abstained=False,
        llm="extractive",
        seconds=1.0,
        thumb=0,
        reason="",
        touched=(),
    )
    return replace(plain, **changes)


def told(entries, smallest=3):
    return usage(entries, SHELF, embed, smallest)


def test_sections_and_pages_are_counted_by_questions():
    cited = Touched("r", 2, "Fishing", "quoted")
    found = Touched("r", 1, "Piers", "")
    entries = [
        entry("one", "a", touched=(cited, cited, found)),
        entry("two", "b", touched=(Touched("r", 2, "Fishing", ""),)),
        entry("three", "c", touched=(Touched("elsewhere", 2, "Fishing", "quoted"),)),
        entry("four", "d", readings=("elsewhere",)),
    ]
    (use,) = told(entries).readings
    assert (use.asked, use.found, use.cited) == (3, 2, 1)
    assert [(s.section, s.pages, s.found, s.cited) for s in use.sections] == [
        ("Piers", (1,), 1, 0), ("Fishing", (2,), 2, 1), ("Salt", (4,), 0, 0),
    ]  # fmt: skip
    assert [section.section for section in use.untouched] == ["Salt"]
    assert use.pages == ((1, 0), (2, 1), (0, 0), (0, 0))


def test_like_questions_are_one_group_the_largest_first():
    entries = [entry("how are boats built", f"a{n}") for n in range(3)]
    entries += [entry("who salts herring here", f"b{n}") for n in range(4)]
    found = told(entries)
    assert [(group.question, group.asked) for group in found.groups] == [
        ("who salts herring here", 4), ("how are boats built", 3),
    ]  # fmt: skip
    assert found.others.asked == 0


def test_what_few_ask_is_counted_and_not_shown():
    down = {"thumb": -1, "reason": "my name is Ada"}
    entries = [entry("who salts herring here", "ada", **down) for _ in range(5)]
    entries += [entry("rare zamboni", "bob", abstained=True)]
    found = told(entries)
    assert found.groups == ()
    assert (found.others.asked, found.others.down, found.others.refused) == (6, 5, 1)
    everything = as_text(found) + json.dumps(as_record(found)) + as_page(found, "today")
    for secret in ("herring", "zamboni", "Ada"):
        assert secret not in everything
    assert told(entries, smallest=1).groups[0].reasons == ("my name is Ada",)


def test_a_group_tells_what_went_wrong_with_its_questions():
    wrong = (Touched("r", 1, "Piers", "unsupported"),)
    entries = [
        entry("who salts herring here", "a", abstained=True),
        entry("who salts herring here", "b", thumb=-1, reason="No."),
        entry("who salts herring here", "c", thumb=-1, reason="No.", touched=wrong),
    ]
    found = told(entries)
    (group,) = found.groups
    assert (group.refused, group.unsupported, group.down, group.reasons) == (1, 1, 2, ("No.",))
    assert (found.asked, found.refused, found.unsupported, found.down) == (3, 1, 1, 2)


def test_weeks_follow_each_other_and_hide_small_numbers():
    days = [3, 3, 4, 5, 18]
    entries = [entry(f"q{n}", "a", at=datetime(2026, 11, day, 9)) for n, day in enumerate(days)]
    weeks = told(entries).weeks
    assert [(week.monday, week.asked) for week in weeks] == [
        (date(2026, 11, 2), 4), (date(2026, 11, 9), 0), (date(2026, 11, 16), None),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_questions_are_groups_of_their_own(count):
    assert len(set(alike_labels(np.eye(4, dtype=np.float32)[:count]).tolist())) == count


def test_an_empty_log_can_be_shown():
    found = told([])
    assert "0 questions" in as_text(found)
    assert "<svg" in as_page(found, "today")


def test_the_page_stands_alone_and_escapes_everything():
    bad = f"herring {HOSTILE} $x$"
    entries = [entry(bad, f"s{n}", thumb=-1, reason=HOSTILE) for n in range(3)]
    page = Page()
    written = as_page(told(entries), "today")
    page.feed(written)
    assert page.open == []
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert "http" not in written.replace("http-equiv", "").replace("http://www.w3.org/", "")
    assert any(HOSTILE in said for said in page.said)


def test_the_command_tells_what_was_asked(harbour, tmp_path):
    settings = Settings.load(None, corpus=str(harbour.corpus), index=str(harbour.index))
    *_, answer = open_engine(settings).ask("Who built the harbour?")
    log = Logbook(str(tmp_path / "log.sqlite"), 180)
    for session in ("a", "b", "c"):
        log.asked(answer, session)
    log.close()
    command = Command(harbour.corpus, harbour.index, log=str(tmp_path / "log.sqlite"))
    done = command("coverage", "--questions-log", "--json", "--html", str(tmp_path / "r.html"))
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert [group["question"] for group in record["groups"]] == ["Who built the harbour?"]
    assert {use["reading"]: use["cited"] for use in record["readings"]}["harbour"] == 3
    assert "Who built the harbour?" in (tmp_path / "r.html").read_text("utf-8")
    assert "3  Who built the harbour?" in command("coverage", "--questions-log").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--questions-log"], "RAG_LOG"),
        (["--questions-log", "--csv", "x.csv"], "--csv"),
        (["--questions-log", "--propose"], "--propose"),
        (["--propose", "--html", "x.html"], "--html"),
    ],
)
def test_without_a_log_or_with_too_much_wanted_it_says_so(harbour, arguments, said):
    done = harbour("coverage", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
