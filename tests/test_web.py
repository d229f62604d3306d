import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import pdfs
from tests.conftest import ROOT

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed"),
    # Playwright's own event loop is left to the garbage collector at the end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The page over a corpus without an index, as at a first start."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "corpus").mkdir()
    pdfs.two_columns(folder / "corpus" / "harbour.pdf")
    pdfs.prose(folder / "corpus" / "trick.pdf", [f"The captain wrote {HOSTILE} in the log."])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = os.environ | {
        "RAG_CORPUS": str(folder / "corpus"),
        "RAG_INDEX": str(folder / "index"),
    }
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        cwd=ROOT,
        env=environ,
        stderr=subprocess.PIPE,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None
            time.sleep(0.25)
    yield address
    process.terminate()
    process.communicate()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, server):
    """Opens the page for a new visitor, once its readings are ready."""
    contexts = []

    def visit(**options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(server)
        page.wait_for_selector("input[type=checkbox]", timeout=60_000)
        return page

    yield visit
    for context in contexts:
        context.close()


def ask(page, question):
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector(f"#chat .question:has-text({json.dumps(question[:30])})")


def test_a_citation_opens_its_page_with_the_quote_marked(visit, server):
    page = visit(viewport={"width": 1280, "height": 800})
    ask(page, "Who built the harbour?")
    name = "Citation 1: A Short History of the Harbour, page 1"
    page.get_by_role("button", name=name).click()
    page.wait_for_selector("#pane img")
    assert "built by masons from Genoa" in page.locator("#pane blockquote").inner_text()
    assert "Herring" not in page.locator("#pane .passage").inner_text()
    marked = page.evaluate(
        """() => {
            const image = document.querySelector('#pane img');
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
            const scale = image.naturalWidth / 595.28;
            const yellow = (x, y) => {
                const [r, g, b] = context.getImageData(x * scale, y * scale, 1, 1).data;
                return r > 230 && g > 190 && b < 215;
            };
            const rows = [];
            for (let y = 100; y < 260; y += 1) if (yellow(58.5, y)) rows.push(y);
            return [rows.length, Math.min(...rows), Math.max(...rows), yellow(314, 150)];
        }"""
    )
    count, top, bottom, other_column = marked
    assert count > 5
    assert 138 < top < bottom < 175
    assert not other_column
    assert all(url.startswith((server, "data:", "blob:")) for url in page.asked)


def test_a_chip_opens_with_the_keyboard_alone(visit):
    page = visit()
    page.get_by_label("Question").focus()
    page.keyboard.type("How many boats are in the fleet?")
    page.keyboard.press("Enter")
    chip = page.get_by_role("button", name="Citation 1: A Short History of the Harbour, page 1")
    chip.wait_for()
    chip.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#pane img")
    assert "forty boats" in page.locator("#pane blockquote").inner_text()


def test_two_visitors_do_not_see_each_others_questions(visit):
    one, other = visit(), visit()
    ask(one, "Who built the harbour?")
    ask(other, "How many boats are in the fleet?")
    one.wait_for_selector("button.chip")
    other.wait_for_selector("button.chip")
    assert "boats" not in one.locator("#chat .question").inner_text()
    assert "built" not in other.locator("#chat .question").inner_text()


def test_text_from_people_and_papers_is_shown_and_never_run(visit):
    page = visit()
    ask(page, f"What did the captain write in the log? {HOSTILE}")
    page.wait_for_selector("button.chip")
    page.locator("button.chip").first.click()
    page.wait_for_selector("#pane img")
    assert page.title() == "Reading Room"
    assert "onerror" in page.locator("#chat").inner_text()


def test_a_filter_by_reading_is_kept_to(visit):
    page = visit()
    page.get_by_label("Notes").check()
    ask(page, "Who built the harbour?")
    page.wait_for_selector("#chat .answer")
    page.wait_for_timeout(500)
    assert "Genoa" not in page.locator("#chat").inner_text()


@pytest.mark.parametrize("question", ["", "x" * 20_000, "\x07"])
def test_what_cannot_be_asked_gets_a_sentence(visit, question):
    page = visit()
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector("#chat .note:has-text('question')")
    assert "went wrong" not in page.locator("#chat").inner_text()


def test_the_page_fits_a_phone(visit):
    page = visit(viewport={"width": 360, "height": 740})
    ask(page, "Who built the harbour?")
    page.wait_for_selector("button.chip")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_many_questions_leave_the_newest_answer_and_the_button_in_reach(visit):
    page = visit(viewport={"width": 1280, "height": 800})
    for number in range(12):
        ask(page, f"Who built the harbour, number {number}?")
    chat = page.locator("#chat")
    below = "element => element.scrollHeight - element.scrollTop - element.clientHeight"
    page.wait_for_function(f"({below})(document.querySelector('#chat')) < 5")
    assert chat.evaluate("element => element.scrollHeight > element.clientHeight")
    assert chat.bounding_box()["y"] + chat.bounding_box()["height"] < 800


def test_on_a_phone_a_citation_brings_its_page_into_view(visit):
    page = visit(viewport={"width": 360, "height": 740})
    ask(page, "Who built the harbour?")
    page.get_by_role("button", name="Citation 1: A Short History of the Harbour, page 1").click()
    page.wait_for_selector("#pane img")
    page.wait_for_function("document.querySelector('#pane').getBoundingClientRect().top < 520")


def test_a_port_in_use_is_said_in_one_sentence(server):
    port = server.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "app.py", "--port", port],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert port in done.stderr
