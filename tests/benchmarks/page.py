"""Prints how quick the page is in a real browser, and how exactly it boxes what it quotes.

    RAG_INDEX=FOLDER RAG_CORPUS=FOLDER python -m tests.benchmarks.page QUESTIONS.jsonl [COUNT]

Enter to first words: from the key to the first chip of the answer, median and 95th percentile,
beside what Gradio itself needs to echo the question, asked in turn in the same run. Click to
picture: from a chip to its page's picture on the screen, warm, median. Boxes: of all citations of
the questions, how many have boxes that hold the quote's words, in order, and no other.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from rag import console
from rag.assembly import open_engine
from rag.questions import parse_questions
from rag.types import Citation
from tests.browsing import CHROMIUM, Program, answered, ready, words_within

_WARM_UP = 5
_SHOWN = (
    "() => { const i = document.querySelector('#pane img'); return i?.complete && i.naturalWidth; }"
)
_TIMED = """([box, question, found]) => new Promise((resolve) => {
    const field = document.querySelector(box);
    const before = document.querySelectorAll(found).length;
    const setter = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set;
    setter.call(field, question);
    field.dispatchEvent(new Event('input', {bubbles: true}));
    setTimeout(() => {
        const started = performance.now();
        field.dispatchEvent(new KeyboardEvent('keypress', {key: 'Enter', bubbles: true}));
        field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));
        const look = () => document.querySelectorAll(found).length > before
            ? resolve((performance.now() - started) / 1000) : setTimeout(look, 2);
        look();
    }, 60);
})"""
_CLICKED = """(chip) => new Promise((resolve) => {
    const started = performance.now();
    chip.click();
    const look = () => {
        const image = document.querySelector('#pane img');
        image?.complete && image.naturalWidth
            ? requestAnimationFrame(() => resolve((performance.now() - started) / 1000))
            : setTimeout(look, 2);
    };
    document.querySelector('#pane-body').replaceChildren();
    look();
})"""


def _echo() -> str:
    """The address of a page of Gradio's that gives back what it is given."""
    import gradio as gr

    with gr.Blocks(analytics_enabled=False) as page:
        said = gr.HTML("", elem_id="said")
        question = gr.Textbox(label="Question", elem_id="question")
        counted = gr.State(0)

        def echo(text: str, count: int):
            yield "<p class='word'>" * (count + 1) + text, count + 1, ""

        question.submit(
            echo, [question, counted], [said, counted, question], show_progress="hidden"
        )
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    return str(address)


def _speeds(program: Program, questions: Sequence[str]) -> None:
    from playwright.sync_api import sync_playwright

    ours: list[float] = []
    theirs: list[float] = []
    pictures: list[float] = []
    address = _echo()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.goto(program.address)
        ready(page)
        page.wait_for_timeout(15_000)  # its samples are found in the background
        echo = chromium.new_page()
        echo.goto(address)
        echo.wait_for_selector("#question textarea")
        echo.wait_for_timeout(1000)
        for question in questions:
            page.bring_to_front()
            page.get_by_role("button", name="New conversation").click()
            page.wait_for_selector("#chat .empty")
            ours.append(
                page.evaluate(_TIMED, ["#question textarea", question, "#chat .answer > *"])
            )
            answered(page)
            echo.bring_to_front()
            theirs.append(echo.evaluate(_TIMED, ["#question textarea", question, "#said .word"]))
            page.bring_to_front()
            if page.locator("#chat .chip").count():
                pictures.append(page.locator("#chat .chip").first.evaluate(_CLICKED))
        sizes = page.evaluate(
            "performance.getEntriesByType('resource')"
            ".filter(e => /page\\.(js|css)/.test(e.name)).map(e => e.decodedBodySize)"
        )
        chromium.close()
    for name, seconds in (("Enter to first words", ours), ("Gradio's echo", theirs)):
        rest = seconds[_WARM_UP:]
        high = quantiles(rest, n=20)[-1]
        console.show(f"{name}: median {median(rest):.3f} s, 95th {high:.3f} s, n {len(rest)}")
    console.show(f"click to picture: median {median(pictures[_WARM_UP:]):.3f} s")
    console.show(f"script and style: {sum(sizes):,} bytes")


def _is_exact(citation: Citation) -> bool:
    """Whether the boxes hold the quote's words and no other, as PDFium places letters."""
    reading = citation.passage.chunk.reading
    within: list[str] = []
    for number in citation.pages:
        boxes = [
            (b.x0 - 1, b.y0 - 0.5, b.x1 + 1, b.y1 + 0.5) for b in citation.boxes if b.page == number
        ]
        within += words_within(reading.path, number, boxes)
    return _letters(" ".join(within)) == _letters(citation.quote)


def _letters(text: str) -> list[str]:
    import unicodedata

    return sorted(filter(str.isalnum, unicodedata.normalize("NFKC", text)))


def main(arguments: Sequence[str]) -> int:
    """Prints the figures for a file of questions."""
    path, count = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 55
    settings = console.load_settings()
    asked = [question.question for question in parse_questions(console.lines(path), path.name)]
    engine = open_engine(settings)
    exact = [_is_exact(c) for text in asked for c in list(engine.ask(text))[-1].citations]
    console.show(f"boxes with the quote and nothing else: {sum(exact)} of {len(exact)}")
    program = Program(settings.corpus, settings.index).start()
    try:
        _speeds(program, (asked * 2)[:count])
    finally:
        program.kill()
    return 0


if __name__ == "__main__":
    threading.excepthook = lambda *_: None
    sys.exit(main(sys.argv[1:]))
