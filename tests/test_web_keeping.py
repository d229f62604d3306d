"""Whether a student's questions are kept, and what is said of it, in a real browser."""

from datetime import date

import pytest

from rag.logbook import Logbook
from rag.web.keeping import Choice
from tests.browsing import BOATS, MASONS, Program, ask, needs_chromium, ready, shoot
from tests.test_web_looks import SIZES

TODAY = date(2026, 11, 25)
SECRET = "Which quixotic zamboni salted the herring of the harbour?"


def test_a_student_has_another_name_every_day():
    first = Choice.read({}, TODAY)
    assert Choice.read(first.stored, TODAY) == first
    assert Choice.read(first.stored, date(2026, 11, 26)).asker != first.asker


@pytest.mark.parametrize("stored", [None, [], {"day": "2026-11-25", "asker": "Ada"}, {"asker": 7}])
def test_a_name_that_is_not_one_of_ours_is_another(stored):
    choice = Choice.read(stored, TODAY)
    assert choice.kept
    assert len(choice.asker) == 32


def test_of_a_refusal_nothing_else_is_remembered():
    refused = Choice.read({"kept": False, "day": "2026-11-25", "asker": "0" * 32}, TODAY)
    assert (refused.kept, refused.asker, refused.stored) == (False, "", {"kept": False})


@pytest.fixture(scope="module")
def kept(server, shelf, tmp_path_factory):
    """A program that keeps questions, with folders of its own for everything it may write."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "tmp").mkdir()
    program = Program(
        shelf / "corpus", shelf / "index", log=str(folder / "log.sqlite"), log_days="90"
    )
    program._environ |= {"TMPDIR": str(folder / "tmp"), "HOME": str(folder)}
    program.folder = folder
    yield program.start()
    program.kill()


def entries(program):
    log = Logbook(str(program.folder / "log.sqlite"), 90)
    found = log.entries()
    log.close()
    return found


def every_byte(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def marked(test):
    for mark in reversed(needs_chromium):
        test = mark(test)
    return test


def willing(page):
    page.wait_for_selector("#keep input:checked")


@marked
def test_the_page_says_that_questions_are_kept_only_where_they_are(visit, kept):
    assert "kept, without names" not in visit().locator("body").inner_text()
    page = visit(program=kept)
    assert page.get_by_text("Questions are kept, without names, for 90 days").is_visible()
    assert page.get_by_label("Keep mine").is_visible()


@marked
@pytest.mark.parametrize("size", ["desk", "dark", "phone"])
def test_the_switch_fits_and_has_nothing_serious_against_it(visit, kept, size):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(program=kept, **SIZES[size])
    willing(page)
    ask(page, MASONS)
    page.wait_for_selector("#chat .thumbs")
    shoot(page, f"{size}-keeping")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= SIZES[size]["viewport"]["width"]
    faults = Axe().run(page).response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in {"serious", "critical"}] == []


@marked
def test_a_question_and_a_thumb_with_its_reason_are_kept(visit, kept):
    page = visit(program=kept)
    willing(page)
    ask(page, MASONS)
    page.get_by_label("Why?").fill("The wrong century.")
    page.get_by_role("button", name="Not helpful").click()
    page.wait_for_selector("#chat .thanks")
    (entry,) = [entry for entry in entries(kept) if entry.reason]
    assert (entry.question, entry.thumb) == (MASONS, -1)
    assert entry.reason == "The wrong century."
    assert entry.touched


@marked
def test_a_question_asked_with_the_log_refused_leaves_no_trace(visit, kept, shelf):
    page = visit(program=kept)
    willing(page)
    ask(page, BOATS)
    page.get_by_label("Keep mine").uncheck()
    ask(page, SECRET)
    assert page.get_by_role("button", name="Helpful", exact=True).count() == 1
    page.wait_for_timeout(500)
    page.reload()
    ready(page)
    page.wait_for_timeout(1000)
    assert not page.get_by_label("Keep mine").is_checked()
    page.get_by_role("button", name="Ask again").click()
    page.wait_for_selector("#chat:not(:has([aria-busy]))")
    _, said = kept.interrupt()
    kept.start()
    assert "zamboni" not in said
    every = every_byte(kept.folder) + every_byte(shelf)
    assert b"boats are in the fleet" in every
    assert b"zamboni" not in every


@marked
def test_what_programs_ask_is_not_kept(kept, visit):
    from gradio_client import Client

    ready(visit(program=kept))
    client = Client(kept.address, verbose=False)
    answer = client.predict("What were the masons paid in?", api_name="/ask")
    assert "salt" in answer["answer"]
    client.close()
    assert "What were the masons paid in?" not in [entry.question for entry in entries(kept)]
