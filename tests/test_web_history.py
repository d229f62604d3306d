"""What a browser keeps of its student's conversations, and what becomes of it."""

import json
from dataclasses import replace

import pytest

from rag.citations import citation as cite
from rag.types import Answer, Box, Chunk, Passage, Reading, Span, Spans, Window
from rag.web import export
from rag.web.chat import chat, nearest
from rag.web.conversation import Turn
from rag.web.history import MOST_TALKS, History, Reopened, Talk, kept
from tests.browsing import (
    BOATS,
    HARBOUR,
    MASONS,
    Program,
    answered,
    ask,
    citation,
    needs_chromium,
    ready,
    shown_picture,
    tab,
)

TEXT = "Masons built it. Salt paid them. Salt paid them."


def reading(**changed):
    fields = {"reading_id": "harbour", "title": "The {Harbour} & its 100%", "year": 1311,
              "authors": ("Ann van Dyke", "Masons"), "url": "https://example.org/h_1", "licence": "",
              "kind": "paper", "sha256": "0", "path": None} | changed  # fmt: skip
    return Reading(**fields)


def chunk():
    spans = [Span(at, at + 1, Box(1 + at // 32, 10 + at, 5, 11 + at, 9)) for at in range(len(TEXT))]
    window = Window("w", ("1 Building",), "paragraph", TEXT, Spans.of(spans))
    return Chunk("abc123", reading(), window, 0, len(TEXT))


class Index:
    def __init__(self, *chunks):
        self._chunks = {chunk.chunk_id: chunk for chunk in chunks}

    def find(self, chunk_id):
        return self._chunks.get(chunk_id)


def cited(quote="Salt paid them.", at=33):
    passage = Passage(chunk(), 1, 0.0, ())
    return cite(1, passage, at, at + len(quote), "quoted")


def talk(**changed):
    answer = Answer(
        "Who?", "Salt paid them. [1]", (), (cited(),), False, (reading(),), "extractive", (), True
    )
    return Talk("0123456789ab", "", (Turn("Who?", answer=answer),))


def reopened(packed, *chunks):
    return Reopened(Index(*chunks), [reading()]).history(json.loads(json.dumps(packed)))


def test_what_is_kept_comes_back_with_the_same_words_boxed_although_they_occur_twice():
    back = reopened(kept(History((talk(),))), chunk())
    (citation,) = back.open.turns[0].answer.citations
    assert citation.quote == "Salt paid them."
    assert citation.boxes == cited().boxes
    assert citation.pages == (2,)


def test_a_quote_that_the_readings_no_longer_hold_is_not_shown():
    back = reopened(kept(History((talk(),))))
    assert back.open.turns[0].answer.citations == ()


def test_each_readings_part_of_an_answer_stands_under_its_title():
    text = "The {Harbour} & its 100%: Salt paid them. [1]"
    (turn,) = talk().turns
    shown = chat([replace(turn, answer=replace(turn.answer, text=text))])
    assert '<h4 class="part">The {Harbour} &amp; its 100%</h4><p class="said">Salt paid' in shown
    assert "<h4" not in chat([turn])


def test_a_place_that_several_of_the_nearest_passages_share_is_listed_once():
    passages = tuple(Passage(chunk(), rank, 0.0, ()) for rank in (1, 2, 3))
    assert nearest(passages).count("<li>") == 1


@pytest.mark.parametrize(
    "forged",
    [
        None, 7, "x", [], {"version": 2}, {"version": 1, "talks": 5},
        {"version": 1, "talks": [{"id": "../../x", "turns": [{"question": "q"}]}]},
        {"version": 1, "talks": [{"id": "0123456789ab", "turns": [{"question": 3}, None]}]},
    ],
)  # fmt: skip
def test_what_is_no_history_of_ours_is_none(forged):
    assert reopened(forged) == History()


@pytest.mark.parametrize(
    "cite",
    [
        [1], [1, 2, 3, 4, 5], ["1", "abc123", 0, "Masons", "quoted"], [1, "abc123", -5, "", "quoted"],
        [1, "abc123", 0, "What nobody wrote", "quoted"], [1, "abc123", 0, "Masons", "proved"],
        [True, "abc123", 10**12, "Masons", "quoted"], {"marker": 1},
    ],
)  # fmt: skip
def test_a_forged_citation_is_left_out(cite):
    packed = kept(History((talk(),)))
    packed["talks"][0]["turns"][0]["cites"] = [cite]
    assert reopened(packed, chunk()).open.turns[0].answer.citations == ()


def test_what_is_kept_is_bounded():
    many = [Talk(f"{at:012x}", "", (Turn("q" * 5000),) * 60) for at in range(100)]
    history = History()
    for item in many:
        history = history.with_turns(item, item.turns)
    packed = kept(history)
    assert len(history.talks) == MOST_TALKS
    assert len(json.dumps(packed)) < 700_000
    assert packed["talks"][0]["id"] == many[-1].talk_id


def test_exports_name_the_readings_cited():
    conversation = talk()
    markdown = export.as_markdown(conversation)
    assert "## Readings" in markdown
    assert "Ann van Dyke, Masons (1311)" in markdown
    assert "p. 2 (quoted): “Salt paid them.”" in markdown
    bibtex = export.as_bibtex(export.cited(conversation))
    assert "author = {Ann van Dyke and Masons}" in bibtex
    assert r"title = {{The \{Harbour\} \& its 100\%}}" in bibtex
    (item,) = json.loads(export.as_csl(export.cited(conversation)))
    assert item["author"] == [{"family": "Dyke", "given": "Ann van"}, {"literal": "Masons"}]
    assert item["issued"] == {"date-parts": [[1311]]}


pages = [pytest.mark.filterwarnings("ignore::ResourceWarning"), *needs_chromium]


@pytest.fixture
def program(server, shelf):
    """Another program over the same index, to be killed."""
    program = Program(shelf / "corpus", shelf / "index").start()
    yield program
    program.kill()


def marked(test):
    for mark in reversed(needs_chromium):
        test = mark(test)
    return test


@marked
def test_conversations_survive_a_reload_and_are_renamed_exported_and_deleted(visit):
    page = visit(accept_downloads=True)
    ask(page, MASONS)
    page.get_by_role("button", name="New conversation").click()
    page.wait_for_selector("#chat .empty")
    ask(page, BOATS)
    page.wait_for_timeout(500)
    page.reload()
    ready(page)
    assert page.locator("#chat .question").inner_text() == BOATS
    citation(page).click()
    shown_picture(page)
    assert page.locator("#pane .mark").count() >= 1
    page.get_by_role("button", name="Close page").click()
    tab(page, "History")
    name = page.locator("#talks .talk").last.get_by_label("Name")
    name.fill("About the masons")
    name.press("Enter")
    with page.expect_download() as download:
        page.locator("#talks .talk").last.get_by_role("button", name="Markdown").click()
    assert HARBOUR in download.value.path().read_text(encoding="utf-8")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#talks .talk").first.get_by_role("button", name="Delete").click()
    page.wait_for_function("document.querySelectorAll('#talks .talk').length === 1")
    page.wait_for_timeout(500)
    page.reload()
    ready(page)
    tab(page, "History")
    assert page.locator("#talks .talk").get_by_label("Name").input_value() == "About the masons"
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector(f"#chat .question:has-text('{MASONS}')")


@marked
def test_a_page_says_that_its_program_is_gone_and_recovers_when_it_is_back(visit, program):
    page = visit(program=program)
    ask(page, MASONS)
    page.get_by_label("Question").fill("What I was about to")
    program.kill()
    page.wait_for_selector("#lost:has-text('has stopped')", timeout=15_000)
    program.start()
    page.wait_for_selector("#lost", state="hidden", timeout=60_000)
    ready(page)
    assert page.locator("#chat .question").inner_text() == MASONS
    page.wait_for_function(
        "document.querySelector('#question textarea').value === 'What I was about to'"
    )
    ask(page, BOATS)
    assert "forty boats" in page.locator("#chat .turn").last.inner_text()


@marked
def test_ctrl_c_stops_the_program_although_pages_are_open(visit, program):
    page = visit(program=program)
    ask(page, MASONS)
    code, said = program.interrupt()
    assert code in {0, 1}
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 2


@marked
def test_what_a_stranger_put_into_the_browsers_store_does_no_harm(visit):
    page = visit()
    ask(page, MASONS)
    page.evaluate("localStorage.setItem('reading-room', 'nonsense')")
    page.reload()
    ready(page)
    ask(page, BOATS)
    answered(page)
