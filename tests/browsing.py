"""The page in a real browser: programs started as a student's are, and visitors to them."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from tests import pdfs

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")
SHOTS = ROOT / "build" / "screenshots"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
HARBOUR = "A Short History of the Harbour"
MASONS, BOATS = "Who built the harbour?", "How many boats are in the fleet?"

needs_chromium = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed"),
    # Playwright's own event loop is left to the garbage collector at the end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Program:
    """``python app.py`` over a corpus, which can be killed and started again."""

    def __init__(self, corpus, index, **settings):
        self._environ = os.environ | {"RAG_CORPUS": str(corpus), "RAG_INDEX": str(index)}
        self._environ |= {f"RAG_{name.upper()}": value for name, value in settings.items()}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process = None
        self._messages = Path(tempfile.mkdtemp()) / "messages"

    def start(self):
        # Into a file: a pipe that nobody reads stops the program once it is full.
        with self._messages.open("wb") as messages:
            self._process = subprocess.Popen(
                [sys.executable, "app.py", "--port", str(self.port)],
                cwd=ROOT,
                env=self._environ,
                stderr=messages,
            )
        for _ in range(480):
            try:
                self.get("room/alive")
                return self
            except OSError:
                assert self._process.poll() is None
                time.sleep(0.25)
        raise AssertionError("the page does not come")

    def get(self, path):
        """The body at an address of the page's own."""
        with urllib.request.urlopen(f"{self.address}/{path}", timeout=10) as answer:
            return answer.read()

    @property
    def process(self):
        """Its number for the system."""
        return self._process.pid

    def interrupt(self):
        """Stop it as Ctrl-C does; its exit code and what it said."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=20)
        code, self._process = self._process.returncode, None
        return code, self._messages.read_text()

    def kill(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """A folder with two readings, and one for their index."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "corpus").mkdir()
    pdfs.two_columns(folder / "corpus" / "harbour.pdf")
    pdfs.prose(
        folder / "corpus" / "trick.pdf",
        [
            f"The captain wrote {HOSTILE} in the log.",
            "Salt money is a wage in salt. Elsewhere salt was paid as wages.",
        ],
    )
    return folder


@pytest.fixture(scope="session")
def server(shelf):
    """The page over a corpus without an index, as at a first start."""
    program = Program(shelf / "corpus", shelf / "index").start()
    yield program
    program.kill()


@pytest.fixture(scope="session")
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

    def visit(path="", program=server, context=None, **options):
        context = context or browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.asked, page.errors = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"{program.address}/{path}")
        ready(page)
        return page

    yield visit
    for context in contexts:
        context.close()


def ready(page):
    """Waits until the readings are open on a page."""
    page.wait_for_selector("#chat :is(.turn, .empty[data-ready])", timeout=90_000)


def ask(page, question):
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector(f"#chat .question:has-text({json.dumps(question[:120])})")
    answered(page)


def answered(page):
    page.wait_for_selector("#chat .turn")
    page.wait_for_selector("#chat:not(:has([aria-busy]))", timeout=60_000)


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def citation(page, number=1, where=f"{HARBOUR}, page 1"):
    return page.get_by_role("button", name=f"Citation {number}: {where}")


def shown_picture(page):
    """Waits for the page's picture."""
    page.wait_for_function(
        "(() => { const i = document.querySelector('#pane img'); return i?.complete && i.naturalWidth; })()"
    )


def marks(page):
    """The boxes on the picture, in PDF points of an A4 page: (left, top, right, bottom)."""
    return page.evaluate(
        """() => {
            const sheet = document.querySelector('#pane .sheet').getBoundingClientRect();
            const scale = 595.28 / sheet.width;
            return [...document.querySelectorAll('#pane .mark')].map((mark) => {
                const box = mark.getBoundingClientRect();
                return [box.left - sheet.left, box.top - sheet.top, box.right - sheet.left,
                        box.bottom - sheet.top].map((side) => side * scale);
            });
        }"""
    )


def shoot(page, name):
    """Keeps a picture of the page beside the other artefacts of a build."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def words_within(path, number, boxes):
    """The words whose middle lies in the boxes, as PDFium finds them on a page of a PDF."""
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    text = document[number - 1].get_textpage()
    height = document[number - 1].get_height()
    found = ""
    for at in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(at)
        x, y = (left + right) / 2, height - (top + bottom) / 2
        inside = any(a <= x <= c and b <= y <= d for a, b, c, d in boxes)
        letter = chr(pypdfium2.raw.FPDFText_GetUnicode(text, at))
        found += letter if inside and letter.strip() else " "
    text.close()
    document.close()
    return found.split()
