"""The page while an LLM writes: growing, stopped, failing, and with formulas."""

import pytest

from tests import llm_server
from tests.browsing import MASONS, Program, answered, ask, needs_chromium, tab

pytestmark = needs_chromium
SAID = [
    "The harbour was built",
    " by masons from Genoa in 1311 [1]. ",
    "The moon is",
    " made of cheese [1].",
]


@pytest.fixture(scope="module")
def backend():
    with llm_server.serving() as room:
        yield room


@pytest.fixture(scope="module")
def written(backend, server, shelf):
    """The page with an LLM that writes, and the readings' own words to choose instead."""
    program = Program(
        shelf / "corpus", shelf / "index", llm="openai", llm_model="some-model",
        llm_url=backend.url + "/v1", llm_timeout="20", llms="openai",
    ).start()  # fmt: skip
    yield program
    program.kill()


def begin(page, question=MASONS):
    page.get_by_label("Question").fill(question)
    page.keyboard.press("Enter")


def test_an_answer_streams_and_each_sentence_gets_its_status(visit, written, backend):
    backend.says(llm_server.answer(SAID, pause=0.7))
    page = visit(program=written)
    begin(page)
    page.wait_for_selector("#chat .step:has-text('Writing')")
    page.wait_for_selector("#chat .chip")
    assert "cheese" not in page.locator("#chat .answer").inner_text()
    answered(page)
    words = page.locator("#chat .chip").all_inner_texts()
    assert [" ".join(word.split()) for word in words] in (
        ["1 quoted", "2 not supported"],
        ["1 supported", "2 not supported"],
    )


def test_stop_closes_the_request_and_keeps_what_was_written(visit, written, backend):
    backend.says(llm_server.silence(["The harbour was built by masons [1]. And"]))
    page = visit(program=written)
    begin(page)
    page.wait_for_selector("#chat .answer:has-text('masons')")
    page.get_by_role("button", name="Stop").click()
    answered(page)
    assert backend.hung_up.wait(10)
    assert "You stopped this answer" in page.locator("#chat .answer").inner_text()
    assert "masons" in page.locator("#chat .answer").inner_text()
    backend.says(llm_server.answer(SAID))
    page.get_by_role("button", name="Ask again").click()
    page.locator("#chat .answer:has-text('You stopped')").wait_for(state="detached")
    answered(page)
    assert "You stopped" not in page.locator("#chat .answer").inner_text()


def test_where_the_llm_fails_the_readings_answer_and_the_page_says_so(visit, written, backend):
    backend.says(llm_server.cut(["The harbour was"], politely=False))
    page = visit(program=written)
    ask(page, MASONS)
    assert "(incomplete)" in page.locator("#chat .note.unfinished").inner_text()
    assert page.locator("#chat .note").count() >= 2
    assert "quoted" in page.locator("#chat .chip").first.inner_text()


def test_a_formula_is_set_by_the_page_itself(visit, written, backend):
    backend.says(llm_server.answer([r"Salt paid \(E = \frac{m}{2} c^2\) and $5 or $6 a day [1]."]))
    page = visit(program=written)
    ask(page, MASONS)
    page.wait_for_selector("#chat .tex .katex")
    assert "$5 or $6" in page.locator("#chat .said").inner_text()
    assert all(url.startswith((written.address, "data:", "blob:")) for url in page.asked)


def test_one_can_choose_who_answers(visit, written, backend, server):
    backend.says(llm_server.answer(SAID))
    page = visit(program=written)
    page.get_by_label("extractive").check()
    ask(page, MASONS)
    assert backend.requests == []
    assert "cheese" not in page.locator("#chat .answer").inner_text()
    assert visit(program=server).get_by_label("extractive").count() == 0


def test_an_answer_that_is_interrupted_says_so_after_a_reload(visit, written, backend):
    backend.says(llm_server.silence(["The harbour was built by masons [1]. And"]))
    page = visit(program=written)
    begin(page)
    page.wait_for_selector("#chat .answer:has-text('masons')")
    page.wait_for_timeout(500)
    page.reload()
    page.wait_for_selector("#chat .note:has-text('interrupted')", timeout=60_000)
    tab(page, "History")
    assert page.locator("#talks .talk").count() == 1


def test_a_student_who_leaves_ends_the_request(visit, written, backend):
    backend.says(llm_server.silence(["The harbour was built by masons [1]. And"]))
    page = visit(program=written)
    begin(page)
    page.wait_for_selector("#chat .answer:has-text('masons')")
    page.close()
    assert backend.hung_up.wait(25)
