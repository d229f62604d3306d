"""A student's way through the page, in a real browser."""

import json
import subprocess
import sys
import urllib.error

import pytest

from tests.browsing import (
    BOATS,
    HARBOUR,
    HOSTILE,
    MASONS,
    ROOT,
    answered,
    ask,
    citation,
    marks,
    needs_chromium,
    shoot,
    shown_picture,
    tab,
    words_within,
)

pytestmark = needs_chromium


def test_a_citation_opens_its_page_with_just_the_quoted_words_boxed(visit, server, shelf):
    page = visit(viewport={"width": 1280, "height": 800})
    ask(page, MASONS)
    citation(page).click()
    shown_picture(page)
    quote = page.locator("#pane blockquote").inner_text()
    assert "built by masons from Genoa" in quote
    boxed = words_within(shelf / "corpus" / "harbour.pdf", 1, marks(page))
    assert boxed == quote.split()
    assert page.locator("#pane .where").inner_text() == "1 Building"
    assert all(url.startswith((server.address, "data:", "blob:")) for url in page.asked)
    assert page.errors == []


def test_the_picture_is_as_sharp_as_the_screen(visit):
    page = visit(viewport={"width": 1280, "height": 800}, device_scale_factor=2)
    ask(page, MASONS)
    citation(page).click()
    shown_picture(page)
    sizes = "(() => { const i = document.querySelector('#pane img'); return [i.naturalWidth, i.width]; })()"
    natural, shown = page.evaluate(sizes)
    assert natural >= 2 * shown
    page.get_by_role("button", name="Larger").click()
    page.wait_for_function(f"{sizes}[1] > {shown} * 1.2")
    left, top, right, bottom = marks(page)[0]
    assert 50 < left < right < 300
    assert 138 < top < bottom < 175


def test_the_text_of_the_page_is_there_to_read_and_copy_with_the_quote_marked(visit):
    page = visit()
    ask(page, BOATS)
    citation(page).click()
    page.get_by_text("Text of this page").click()
    assert "Herring is salted" in page.locator("#pane .page-text").inner_text()
    marked = " ".join(page.locator("#pane .page-text mark").all_inner_texts())
    assert "The fleet counts forty boats today" in marked
    assert "Herring" not in marked


def test_a_chip_says_its_status_and_shows_the_quote_on_hover_and_on_focus(visit):
    page = visit()
    ask(page, BOATS)
    chip = citation(page)
    assert "quoted" in chip.inner_text()
    peek = page.locator("#chat .peek").first
    assert not peek.is_visible()
    chip.hover()
    assert "forty boats" in peek.inner_text()
    assert f"{HARBOUR}, page 1" in peek.inner_text()
    page.keyboard.press("Escape")
    assert not peek.is_visible()
    page.mouse.move(0, 0)
    chip.focus()
    assert peek.is_visible()


def test_one_can_turn_pages_without_losing_the_chat_or_ones_place(visit):
    page = visit(viewport={"width": 1280, "height": 800})
    ask(page, "Where was salt paid as wages?")
    citation(page, where="Notes, page 2").click()
    shown_picture(page)
    page.get_by_role("button", name="Previous page").click()
    page.wait_for_selector("#pane .folio:has-text('Page 1 of 2')")
    assert marks(page) == []
    page.get_by_role("button", name="page 2", exact=True).click()
    page.wait_for_selector("#pane .folio:has-text('Page 2 of 2')")
    assert page.get_by_role("button", name="Next page").is_disabled()
    ask(page, MASONS)
    assert page.locator("#pane .folio").inner_text() == "Page 2 of 2"
    page.get_by_role("button", name="Close page").click()
    assert not page.locator("#pane").is_visible()


def test_the_whole_way_with_the_keyboard_alone(visit):
    page = visit()
    page.get_by_label("Question").focus()
    page.keyboard.type(BOATS)
    page.keyboard.press("Enter")
    answered(page)
    chip = citation(page)
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if chip.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    shown_picture(page)
    assert page.evaluate("document.activeElement.id") == "pane-title"
    page.keyboard.press("Escape")
    assert not page.locator("#pane").is_visible()
    assert chip.evaluate("element => element === document.activeElement")


def test_two_visitors_do_not_see_each_others_questions(visit):
    one, other = visit(), visit()
    ask(one, MASONS)
    ask(other, BOATS)
    assert "boats" not in one.locator("#chat .question").inner_text()
    assert "built" not in other.locator("#chat .question").inner_text()
    tab(other, "History")
    assert other.locator("#talks .talk").count() == 1


def test_text_from_people_and_papers_is_shown_and_never_run(visit):
    page = visit()
    ask(page, f"What did the captain write in the log? {HOSTILE}")
    page.locator("button.chip").first.click()
    shown_picture(page)
    page.get_by_text("Text of this page").click()
    tab(page, "Check a sentence")
    page.get_by_label("Sentence").fill(f"The captain wrote {HOSTILE} in the log.")
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector("#verdicts .checked")
    for name in ("History", "Readings", "Ask"):
        tab(page, name)
    assert page.title() == "Reading Room"
    assert "onerror" in page.locator("#chat").inner_text()


def test_a_filter_by_reading_is_kept_to(visit):
    page = visit()
    page.get_by_text("Which readings").click()
    page.get_by_label("Notes").check()
    ask(page, MASONS)
    assert "Genoa" not in page.locator("#chat").inner_text()


@pytest.mark.parametrize("question", ["x" * 20_000, "\x07"])
def test_what_cannot_be_asked_gets_a_sentence(visit, question):
    page = visit()
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector("#chat .note:has-text('question')")
    assert "went wrong" not in page.locator("#chat").inner_text()


def test_what_the_readings_do_not_say_is_declined_with_the_nearest_passages(visit):
    page = visit()
    ask(page, "Which zeppelin was lost at the pier?")
    assert "did not find" in page.locator("#chat .answer").inner_text()
    page.locator("#chat .nearest button").first.click()
    shown_picture(page)


def test_a_question_can_be_asked_again_changed_and_removed(visit):
    page = visit()
    ask(page, MASONS)
    ask(page, BOATS)
    page.get_by_role("button", name="Ask again").click()
    answered(page)
    assert page.locator("#chat .question").all_inner_texts() == [MASONS, BOATS]
    page.get_by_role("button", name="Edit").first.click()
    page.wait_for_selector("#chat .replaced")
    assert page.get_by_label("Question").input_value() == MASONS
    page.get_by_role("button", name="Keep it as it is").click()
    page.wait_for_selector("#chat:not(:has(.replaced))")
    page.get_by_role("button", name="Edit").last.click()
    page.wait_for_selector("#chat .replaced")
    ask(page, "What were the masons paid in?")
    page.wait_for_function("document.querySelectorAll('#chat .question').length === 2")
    assert "paid in salt" in page.locator("#chat .turn").last.inner_text()
    page.get_by_role("button", name="Remove").click()
    page.wait_for_function("document.querySelectorAll('#chat .question').length === 1")
    assert page.get_by_label("Question").input_value() == "What were the masons paid in?"


def test_an_answer_is_copied_with_its_citations(visit, server):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    ask(page, BOATS)
    page.get_by_role("button", name="Copy with citations").click()
    page.wait_for_selector("#chat button:has-text('Copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"[1] {HARBOUR}, p. 1 (quoted): “The fleet counts forty boats" in copied


def test_sample_questions_come_from_the_readings_and_are_answered(visit):
    page = visit()
    sample = page.locator("#chat .sample").first
    sample.wait_for(timeout=30_000)
    question = sample.inner_text()
    sample.click()
    answered(page)
    assert page.locator("#chat .question").inner_text() == question
    assert page.locator("#chat .chip").count() >= 1


def test_a_pasted_text_is_checked_sentence_by_sentence(visit):
    page = visit()
    tab(page, "Check a sentence")
    text = "The harbour was built by masons from Genoa in 1311. The moon is made of green cheese."
    page.get_by_label("Sentence").fill(text)
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector("#verdicts .checked:nth-child(2)")
    first, second = page.locator("#verdicts .checked .verdict").all_inner_texts()
    assert first.startswith("Supported")
    assert second == "Not in the readings"
    page.locator("#verdicts .chip").click()
    shown_picture(page)
    assert marks(page)
    page.get_by_label("Sentence").fill("")
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector("#verdicts [role=alert]")


def test_the_shelf_opens_pages_and_asks_about_sections(visit):
    page = visit(viewport={"width": 1280, "height": 800})
    tab(page, "Readings")
    card = page.locator("#shelf article", has_text=HARBOUR)
    card.locator("summary").click()
    card.get_by_role("button", name="2 Fishing", exact=True).click()
    shown_picture(page)
    shoot(page, "shelf")
    card.get_by_role("button", name="Ask about 2 Fishing").click()
    page.wait_for_selector("#question textarea:focus")
    assert "Fishing" in page.get_by_label("Question").input_value()
    page.get_by_text("Which readings").click()
    assert page.get_by_role("checkbox", name=HARBOUR).is_checked()


def test_a_link_opens_the_page_with_its_quote_and_another_asks_its_question(visit):
    page = visit()
    ask(page, MASONS)
    place = citation(page).get_attribute("data-place")
    other = visit(f"?{place}")
    shown_picture(other)
    assert "masons from Genoa" in other.locator("#pane blockquote").inner_text()
    third = visit(f"?q={BOATS.replace(' ', '+')}")
    answered(third)
    assert "forty boats" in third.locator("#chat").inner_text()
    third.wait_for_function("location.search === ''")


@pytest.mark.parametrize(
    "path",
    [
        "room/pane?reading=../../etc&page=1",
        "room/pane?reading=harbour&page=99",
        "room/pane?reading=harbour&page=1e9",
        "room/pdf?reading=/etc/passwd",
        "room/page.png?reading=nothing&page=1",
        "room/page.png?reading=harbour&page=0",
        "room/page.py",
        "room/..%2fapp.py",
        "gradio_api/file=rag/web/page.py",
    ],
)
def test_addresses_give_only_what_is_on_the_shelf(server, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.get(path)
    assert refused.value.code in {403, 404, 422}


def test_a_hand_made_link_shows_the_page_without_a_box(server):
    pane = server.get("room/pane?reading=harbour&page=1&cite=0123456789.0.5").decode()
    assert "no longer in the reading" in pane
    assert 'class="mark"' not in pane
    assert server.get("room/pdf?reading=harbour").startswith(b"%PDF")


def test_many_questions_leave_the_newest_answer_and_the_button_in_reach(visit):
    page = visit(viewport={"width": 1280, "height": 800})
    for number in range(8):
        ask(page, f"Who built the harbour, number {number}?")
    button = page.get_by_role("button", name="Ask", exact=True)
    for part in (page.locator("#chat .question").last, button):
        box = part.bounding_box()
        assert 0 <= box["y"] <= 800 - box["height"]
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function("scrollY === 0")
    assert button.bounding_box()["y"] < 760


def test_a_port_in_use_is_said_in_one_sentence(server):
    done = subprocess.run(
        [sys.executable, "app.py", "--port", str(server.port)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert str(server.port) in done.stderr


def test_programs_get_the_same_answers(server):
    from gradio_client import Client

    client = Client(server.address, verbose=False)
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/ask", "/search", "/readings", "/page"}
    answer = client.predict(BOATS, api_name="/ask")
    assert "forty boats" in answer["answer"]
    assert server.get("room/pane" + answer["citations"][0]["link"][1:]).count(b'class="mark"') >= 1
    passages = client.predict(BOATS, 2, api_name="/search")
    assert [passage["rank"] for passage in passages] == [1, 2]
    readings = client.predict(api_name="/readings")
    assert {"harbour", "trick"} == {reading["reading"] for reading in readings}
    page = client.predict("harbour", 1, api_name="/page")
    assert "Herring is salted" in page["text"]
    json.dumps([answer, passages, readings, page])
    client.close()
