"""The reading list, what the folders hold, and fetching from servers that misbehave."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fpdf import FPDF

from rag.errors import ReadingError
from rag.readings import Entry, Limits, ReadingList, discover, fetch_missing, load_list

REPOSITORY = Path(__file__).parents[1]
SHARED = Path(__file__).parents[2] / "shared"
MATH = "Large Language Models for Mathematical Reasoning: Progresses and Challenges"
CODE = "Language Models for Code Optimization: Survey, Challenges and Future Directions"
DEEP = "A Survey of Deep Learning for Mathematical Reasoning"
IDS = ["2402.00157", "2501.01277", "2212.10535", "2406.11931"]
FAST = Limits(connect=2, read=2, total=5, most_bytes=200_000, tries=3, backoff=0.001)


def pdf(text: str, metadata_title: str = "") -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=9)
    if metadata_title:
        document.set_title(metadata_title)
    document.multi_cell(0, text=text)
    return bytes(document.output())


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    shutil.copy(REPOSITORY / "corpus" / "readings.toml", folder)
    return folder


def ids_in(*folders: Path) -> list[str]:
    return [reading.reading_id for reading in discover(folders, load_list(folders)).readings]


def broken_list(folder: Path, text: str) -> str:
    (folder / "readings.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ReadingError) as caught:
        load_list([folder])
    assert str(folder / "readings.toml") in str(caught.value)
    return str(caught.value)


# The list.


def test_the_course_has_three_surveys_and_one_model_paper() -> None:
    entries = load_list([REPOSITORY / "corpus"]).entries
    assert [entry.reading_id for entry in entries] == IDS
    assert [entry.genre for entry in entries] == ["survey"] * 3 + ["model paper"]
    for entry in entries:
        assert entry.authors
        assert entry.nicknames
        assert entry.url == f"https://arxiv.org/abs/{entry.reading_id}"
        assert entry.pdf_url == f"https://arxiv.org/pdf/{entry.reading_id}{entry.version}"


def test_the_readme_of_the_corpus_says_which_document_is_which() -> None:
    rows = (REPOSITORY / "corpus" / "README.md").read_text("utf-8").splitlines()
    for entry in load_list([REPOSITORY / "corpus"]).entries:
        row = next(row for row in rows if row.startswith("|") and entry.reading_id in row)
        for fact in (entry.title, entry.genre, entry.url, entry.pdf_url, str(entry.year)):
            assert fact in row


def test_the_first_folder_with_a_list_wins(tmp_path: Path) -> None:
    empty, first, second = (tmp_path / name for name in ("empty", "first", "second"))
    for folder in (first, second):
        title = f'[[reading]]\nid = "x"\ntitle = "List of {folder.name}"\n'
        put(folder / "readings.toml", title.encode())
    found = load_list([empty, first, second])
    assert found.folder == first
    assert [entry.title for entry in found.entries] == ["List of first"]


def test_without_a_list_of_its_own_a_course_has_the_repositorys(tmp_path: Path) -> None:
    found = load_list([tmp_path])
    assert [entry.reading_id for entry in found.entries] == IDS
    assert not found.lives_in([tmp_path])
    assert found.lives_in([tmp_path, REPOSITORY / "tests" / ".." / "corpus"])


def test_an_entry_needs_only_id_and_title(tmp_path: Path) -> None:
    put(tmp_path / "readings.toml", '\ufeff[[reading]]\nid = "x"\ntitle = "Xénon"\n'.encode())
    entry = Entry("x", "Xénon", (), None, "", "", "", "", "paper", ())
    assert load_list([tmp_path]).entries == (entry,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[reading]]\nid = "x"\ntitle = ', "line 3"),
        ('[[reading]]\nid = "x"\ntitle = "\xe9"', "line 3"),
        ('# two\n\n[[reading]]\nid = "x"', "line 3: title"),
        ('[[reading]]\nid = "../x"\ntitle = "A"', "line 1: id"),
        (
            '[[reading]]\nid = "x"\ntitle = "A"\n[[reading]]\nid = "x"\ntitle = "B"',
            "line 4: the id",
        ),
        ('[[reading]]\nid = "x"\ntitle = "A"\nyear = true', "year must be a whole number"),
        ('[[reading]]\nid = "x"\ntitle = "A"\nauthors = "Ada"', "authors must be a list"),
        ('[[reading]]\nid = "x"\ntitle = "A"\nauthor = "Ada"', "no field 'author'"),
        ('[[reading]]\nid = "x"\ntitle = "A"\npdf_url = "file:///x"', "file:///x"),
        ('title = "A"', "[[reading]] tables only"),
    ],
)
def test_a_broken_list_is_refused_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in broken_list(tmp_path, text)


# What is here.


@pytest.mark.parametrize(
    "text",
    [
        f"{DEEP}\nPan Lu\nAbstract\nMathematics.",
        "A Survey of Deep Learning for Mathe-\nmatical\nReasoning*1\nPan Lu",
        f"{DEEP.upper()}\nPan Lu",
        f"Published in the Proceedings of Something\n{DEEP}\nPan Lu",
        "Something else\narXiv:2212.10535v1  [cs.AI]  20 Dec 2022",
        "Something else\narXiv:2212.10535v2\nand more",
    ],
)
def test_a_reading_is_known_by_its_title_page(corpus: Path, text: str) -> None:
    put(corpus / "download (3).PDF", pdf(text))
    assert ids_in(corpus) == ["2212.10535"]


def test_a_reading_is_known_by_its_metadata(corpus: Path) -> None:
    put(corpus / "x.pdf", pdf("Cover letter", metadata_title=MATH))
    assert ids_in(corpus) == ["2402.00157"]


@pytest.mark.parametrize(
    "text",
    [
        f"Another Paper\nAda Author\nAs said in {DEEP}, reasoning is hard.",
        f"Another Paper\nAbstract\n{DEEP}\nis what we build on.",
        f"Another Paper\nAda Author\n{'Long introduction. ' * 40}\n{DEEP}\nis a survey.",
        f"{DEEP}: A Reply\nAda Author",
        f"{DEEP}\narXiv:2301.00001v1  [cs.AI]  1 Jan 2023",
        "Another Paper\nLu et al. 2022. A survey. arXiv:2212.10535v2, and others.",
        "Another Paper\narXiv:2301.00001v1  [cs.AI]  1 Jan 2023\narXiv:2212.10535v2",
    ],
)
def test_a_paper_that_cites_a_reading_is_not_taken_for_it(corpus: Path, text: str) -> None:
    put(corpus / "other.pdf", pdf(text))
    assert ids_in(corpus) == ["other"]


def test_a_listed_reading_takes_what_the_list_says(corpus: Path) -> None:
    path = put(corpus / "x.pdf", pdf(f"{DEEP}\nSomeone", metadata_title="Untitled-1"))
    (reading,) = discover([corpus], load_list([corpus])).readings
    assert reading.title == DEEP
    assert reading.authors[0] == "Pan Lu"
    assert reading.year == 2022
    assert reading.url == "https://arxiv.org/abs/2212.10535"
    assert reading.kind == "paper"
    assert reading.path == path
    assert reading.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "metadata", "title"),
    [
        ("On Tea\nAda Author", "", "On Tea"),
        ("12\nPublished as a conference paper\nOn Tea\nAda", "", "On Tea"),
        ("On Tea: A Long\nInquiry\nAda", "On Tea: A Long Inquiry", "On Tea: A Long Inquiry"),
        ("On Tea\nAda Author", "Microsoft Word - draft7.doc", "On Tea"),
        ("...", "", "tea"),
    ],
)
def test_an_unlisted_pdf_is_called_by_its_stem_and_what_page_one_says(
    corpus: Path, text: str, metadata: str, title: str
) -> None:
    put(corpus / "tea.pdf", pdf(text, metadata))
    (reading,) = discover([corpus], load_list([corpus])).readings
    assert (reading.reading_id, reading.title) == ("tea", title)


def test_an_id_from_a_file_name_is_safe_to_show(corpus: Path) -> None:
    put(corpus / "te\x1b[31ma\n\u202e  x.pdf", pdf("On Tea"))
    put(corpus / "\x07.pdf", pdf("On Coffee"))
    named, unnamed = sorted(ids_in(corpus), key=lambda reading_id: "te" not in reading_id)
    assert named == "te[31ma x"
    assert len(unnamed) == 12


def test_readings_stand_in_the_order_of_the_list_then_of_file_names(
    corpus: Path, tmp_path: Path
) -> None:
    put(corpus / "a.pdf", pdf(DEEP))
    put(corpus / "b.pdf", pdf("On Tea"))
    put(corpus / "c.pdf", pdf(MATH))
    put(tmp_path / "more" / "aa.pdf", pdf("On Coffee"))
    assert ids_in(corpus, tmp_path / "more") == ["2402.00157", "2212.10535", "b", "aa"]


def test_hidden_files_other_files_and_deeper_folders_are_not_looked_at(corpus: Path) -> None:
    for name in ("._x.pdf", "x.pdf.part", "notes.txt", "old/x.pdf"):
        put(corpus / name, pdf(DEEP))
    found = discover([corpus], load_list([corpus]))
    assert (found.readings, found.left_out) == ((), ())
    assert [entry.reading_id for entry in found.missing] == IDS


def test_a_link_is_followed_and_one_that_leads_nowhere_is_named(
    corpus: Path, tmp_path: Path
) -> None:
    (corpus / "link.pdf").symlink_to(put(tmp_path / "elsewhere.pdf", pdf(DEEP)))
    (corpus / "lost.pdf").symlink_to(tmp_path / "nowhere.pdf")
    found = discover([corpus], load_list([corpus]))
    assert [reading.reading_id for reading in found.readings] == ["2212.10535"]
    assert [left.name for left in found.left_out] == ["lost.pdf"]


def test_the_same_content_twice_is_one_reading(corpus: Path) -> None:
    shutil.copy(put(corpus / "a.pdf", pdf("On Tea")), corpus / "b.pdf")
    found = discover([corpus], load_list([corpus]))
    assert [reading.reading_id for reading in found.readings] == ["a"]
    assert found.left_out == ()


def test_of_two_files_for_one_reading_the_second_is_left_out(corpus: Path, tmp_path: Path) -> None:
    put(corpus / "a.pdf", pdf(f"{DEEP}\nfirst"))
    put(corpus / "b.pdf", pdf(f"{DEEP}\nsecond"))
    put(corpus / "tea.pdf", pdf("On Tea"))
    put(tmp_path / "more" / "tea.pdf", pdf("On Other Tea"))
    found = discover([corpus, tmp_path / "more"], load_list([corpus]))
    assert [reading.path.name for reading in found.readings] == ["a.pdf", "tea.pdf"]
    assert [left.name for left in found.left_out] == ["b.pdf", "tea.pdf"]
    assert "a.pdf is already taken for 2212.10535" in found.left_out[0].reason


@pytest.mark.parametrize("content", [b"", b"<html>", b"%PDF-1.7\n%%EOF", pdf(DEEP)[:300]])
def test_a_file_that_cannot_be_opened_keeps_its_stem(corpus: Path, content: bytes) -> None:
    put(corpus / "broken.pdf", content)
    (reading,) = discover([corpus], load_list([corpus])).readings
    assert (reading.reading_id, reading.title) == ("broken", "broken")


@pytest.mark.parametrize("content", [b"damaged", pdf("On Tea\nAda Author")])
def test_a_listed_id_as_file_name_is_not_enough(corpus: Path, content: bytes) -> None:
    put(corpus / "2402.00157.pdf", content)
    guide = put(corpus / "guides" / "2402.00157.pdf", b"a guide")
    found = discover([corpus], load_list([corpus]))
    assert [reading.path for reading in found.readings] == [guide]
    assert [left.name for left in found.left_out] == ["2402.00157.pdf"]
    assert found.missing[0].reading_id == "2402.00157"


def test_a_file_that_is_too_large_is_left_out_unread(corpus: Path) -> None:
    with put(corpus / "large.pdf", b"%PDF-").open("r+b") as file:
        file.truncate(200_000_001)
    found = discover([corpus], load_list([corpus]))
    assert found.readings == ()
    assert found.left_out[0].name == "large.pdf"
    assert "200 MB" in found.left_out[0].reason


def test_a_folder_that_does_not_exist_is_named_with_what_to_do(corpus: Path) -> None:
    with pytest.raises(ReadingError, match=r"nowhere.*RAG_CORPUS"):
        discover([corpus, corpus / "nowhere"], load_list([corpus]))


def test_a_guide_stands_in_only_for_a_paper_that_is_not_here(corpus: Path) -> None:
    put(corpus / "guides" / "2402.00157.pdf", b"guide one")
    put(corpus / "guides" / "2212.10535.pdf", b"guide two")
    put(corpus / "guides" / "tea.pdf", b"guide to nothing")
    put(corpus / "x.pdf", pdf(DEEP))
    found = discover([corpus], load_list([corpus]))
    guide, paper = found.readings
    assert (guide.kind, guide.reading_id) == ("guide", "2402.00157")
    assert guide.title == f"Reading guide to “{MATH}”"
    assert guide.authors == ("Reading Room",)
    assert guide.licence == "Apache-2.0"
    assert guide.year is None
    assert (paper.kind, paper.reading_id) == ("paper", "2212.10535")
    assert [entry.reading_id for entry in found.missing] == [IDS[0], IDS[1], IDS[3]]
    assert [left.name for left in found.left_out] == ["guides/tea.pdf"]


# What an earlier run knew.


def test_a_known_file_is_not_opened_again(corpus: Path, tmp_path: Path) -> None:
    # No PDF at all: whoever opened these would find neither title.
    listed = put(tmp_path / "a" / "x.pdf", b"the survey")
    tea = put(tmp_path / "a" / "tea.pdf", b"about tea")
    reading_list = load_list([corpus])
    first = {r.reading_id: r for r in discover([listed.parent], reading_list).readings}
    entry = reading_list.entries[2]
    earlier = [
        replace(first["x"], reading_id=entry.reading_id, title=entry.title, authors=("Old",)),
        replace(first["tea"], title="On Tea"),
    ]
    moved = (tmp_path / "a").rename(tmp_path / "b")
    known = {reading.sha256: reading for reading in earlier}
    survey, other = discover([moved], reading_list, known).readings
    assert (survey.reading_id, survey.title, survey.path) == ("2212.10535", DEEP, moved / "x.pdf")
    assert survey.authors == entry.authors
    assert other == replace(earlier[1], path=moved / tea.name)


def test_a_known_file_that_was_renamed_changed_or_entered_in_the_list_is_looked_at(
    corpus: Path,
) -> None:
    path = put(corpus / "tea.pdf", pdf("On Tea\nAda Author"))
    known = {r.sha256: r for r in discover([corpus], load_list([corpus])).readings}
    path = path.rename(corpus / "leaves.pdf")
    found = discover([corpus], load_list([corpus]), known).readings
    assert [reading.reading_id for reading in found] == ["leaves"]
    known = {reading.sha256: reading for reading in found}
    with (corpus / "readings.toml").open("a") as file:
        file.write('\n[[reading]]\nid = "ada"\ntitle = "On Tea"\n')
    found = discover([corpus], load_list([corpus]), known).readings
    assert [reading.reading_id for reading in found] == ["ada"]
    put(path, pdf("On Coffee"))
    found = discover([corpus], load_list([corpus]), known).readings
    assert [reading.title for reading in found] == ["On Coffee"]


def test_nothing_is_known_that_the_list_no_longer_names(corpus: Path) -> None:
    put(corpus / "x.pdf", pdf(f"{DEEP}\nPan Lu"))
    known = {r.sha256: r for r in discover([corpus], load_list([corpus])).readings}
    (found,) = discover([corpus], ReadingList(corpus, ()), known).readings
    assert (found.reading_id, found.authors) == ("x", ())


# Real papers.

needs_papers = pytest.mark.skipif(
    not (SHARED / "papers").is_dir(), reason="the sample papers are not on this machine"
)


@needs_papers
@pytest.mark.parametrize("reading_id", ["2212.10535", "2406.11931"])
def test_a_real_reading_is_known_under_any_name(corpus: Path, reading_id: str) -> None:
    shutil.copy(SHARED / "readings" / f"{reading_id}.pdf", corpus / "reading for monday.pdf")
    assert ids_in(corpus) == [reading_id]


@needs_papers
def test_no_other_real_paper_is_taken_for_a_reading(corpus: Path) -> None:
    paths = sorted((SHARED / "papers").rglob("*.pdf"))
    for path in paths:
        shutil.copy(path, corpus)
    assert ids_in(corpus) == sorted(path.stem for path in paths)


@needs_papers
def test_a_damaged_real_paper_makes_no_noise(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (damaged,) = (SHARED / "papers" / "damaged").glob("*.pdf")
    shutil.copy(damaged, corpus)
    assert ids_in(corpus) == [damaged.stem]
    assert caplog.records == []
    assert logging.getLogger("pypdf").level == logging.NOTSET


# Fetching.

Reply = Callable[["Handler", int], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says: the reply is told how often its path was asked before."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        earlier = self.server.asked.count(self.path)
        self.server.asked.append(self.path)
        self.server.replies[self.path](self, earlier)

    def answer(self, body: bytes, code: int = 200, length: int | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.replies: dict[str, Reply] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # The client hangs up in the middle of a body: that is what is tested.


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class Fetching:
    """One attempt to fetch the survey from an address, and all that came of it."""

    def __init__(self, folder: Path, *urls: str, limits: Limits = FAST) -> None:
        entries = load_list([REPOSITORY / "corpus"]).entries
        numbered = (entries[2], entries[0], entries[1])
        wanted = tuple(replace(e, pdf_url=url) for e, url in zip(numbered, urls, strict=False))
        self.folder = folder
        self.lines: list[str] = []
        self.pauses: list[float] = []
        began = time.monotonic()
        self.left_out = fetch_missing(
            ReadingList(folder, wanted),
            wanted,
            self.lines.append,
            limits=limits,
            sleep=self.pauses.append,
        )
        self.seconds = time.monotonic() - began

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


def refused(fetching: Fetching, reason: str) -> None:
    """One clear line with what to do, and nothing left on the disk."""
    (line,), (left,) = fetching.lines, fetching.left_out
    assert line == f"2212.10535: {left.reason}"
    assert left.name == "2212.10535"
    assert reason in line
    assert line.endswith(f"; put the PDF into {fetching.folder}/ by hand.")
    assert "\n" not in line
    assert fetching.files == []


def test_a_missing_reading_is_fetched_and_its_origin_recorded(
    server: Server, tmp_path: Path
) -> None:
    body = pdf(f"{DEEP}\nPan Lu")
    server.replies["/x"] = lambda handler, _: handler.answer(body)
    fetching = Fetching(tmp_path, f"{server.address}/x")
    assert fetching.left_out == ()
    assert len(fetching.lines) == 1
    assert fetching.files == [".fetched.json", "2212.10535.pdf"]
    assert (tmp_path / "2212.10535.pdf").read_bytes() == body
    fact = json.loads((tmp_path / ".fetched.json").read_text())["2212.10535"]
    assert fact["sha256"] == hashlib.sha256(body).hexdigest()
    assert fact["url"] == f"{server.address}/x"
    assert fact["file"] == "2212.10535.pdf"
    assert fact["date"].endswith("+00:00")
    assert ids_in(tmp_path) == ["2212.10535"]


def test_each_origin_is_added_to_those_recorded_before(server: Server, tmp_path: Path) -> None:
    put(tmp_path / ".fetched.json", b'{"tea": {"sha256": "1"}}')
    server.replies["/x"] = lambda handler, _: handler.answer(pdf(DEEP))
    Fetching(tmp_path, f"{server.address}/x")
    assert list(json.loads((tmp_path / ".fetched.json").read_text())) == ["tea", "2212.10535"]


def test_a_404_is_not_tried_again(server: Server, tmp_path: Path) -> None:
    server.replies["/x"] = lambda handler, _: handler.answer(b"no", 404)
    refused(Fetching(tmp_path, f"{server.address}/x"), "127.0.0.1 answered 404 Not Found")
    assert server.asked == ["/x"]


def test_a_web_page_instead_of_a_pdf_is_refused(server: Server, tmp_path: Path) -> None:
    page = b"<!DOCTYPE html><html>Please prove that you are human"
    server.replies["/x"] = lambda handler, _: handler.answer(page)
    refused(Fetching(tmp_path, f"{server.address}/x"), "sent a web page instead of a PDF")
    assert server.asked == ["/x"]


def test_a_cut_transfer_is_refused_after_three_tries(server: Server, tmp_path: Path) -> None:
    def cut(handler: Handler, _: int) -> None:
        handler.answer((body := pdf(DEEP))[:-100], length=len(body))
        handler.close_connection = True

    server.replies["/x"] = cut
    fetching = Fetching(tmp_path, f"{server.address}/x")
    refused(fetching, "the transfer from 127.0.0.1")
    assert "was cut" in fetching.lines[0]
    assert len(server.asked) == 3


def test_a_cut_transfer_of_unknown_length_is_noticed(server: Server, tmp_path: Path) -> None:
    def cut(handler: Handler, earlier: int) -> None:
        body = pdf(DEEP)
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body if earlier else body[:-100])
        handler.close_connection = True

    server.replies["/x"] = cut
    assert Fetching(tmp_path, f"{server.address}/x").left_out == ()
    assert len(server.asked) == 2


def test_a_reset_connection_is_tried_again(server: Server, tmp_path: Path) -> None:
    def reset(handler: Handler, earlier: int) -> None:
        if earlier:
            return handler.answer(pdf(DEEP))
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.close()
        handler.close_connection = True
        return None

    server.replies["/x"] = reset
    assert Fetching(tmp_path, f"{server.address}/x").left_out == ()


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again_after_growing_pauses(
    server: Server, tmp_path: Path, code: int
) -> None:
    def busy(handler: Handler, earlier: int) -> None:
        handler.answer(*((b"busy", code) if earlier < 2 else (pdf(DEEP), 200)))

    server.replies["/x"] = busy
    fetching = Fetching(tmp_path, f"{server.address}/x", limits=replace(FAST, backoff=0.5))
    assert fetching.left_out == ()
    assert fetching.pauses == [0.5, 1.0]


def test_a_pause_that_would_outlast_the_time_is_not_made(server: Server, tmp_path: Path) -> None:
    server.replies["/x"] = lambda handler, _: handler.answer(b"busy", 503)
    fetching = Fetching(tmp_path, f"{server.address}/x", limits=replace(FAST, backoff=60))
    refused(fetching, "answered 503")
    assert fetching.pauses == []


def test_a_body_that_drips_without_end_is_given_up(server: Server, tmp_path: Path) -> None:
    def drip(handler: Handler, _: int) -> None:
        handler.answer(b"%PDF-1.7\n", length=100_000)
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.02)

    server.replies["/x"] = drip
    fetching = Fetching(tmp_path, f"{server.address}/x", limits=replace(FAST, total=0.5))
    refused(fetching, "did not finish within 0.5 seconds")
    assert fetching.seconds < 3


def test_a_server_that_says_nothing_is_given_up(server: Server, tmp_path: Path) -> None:
    server.replies["/x"] = lambda handler, _: time.sleep(1)
    fetching = Fetching(tmp_path, f"{server.address}/x", limits=replace(FAST, read=0.2))
    refused(fetching, "did not answer in time")
    assert len(server.asked) == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_cap_is_cut_off(server: Server, tmp_path: Path, chunked: bool) -> None:
    def pour(handler: Handler, _: int) -> None:
        if not chunked:
            return handler.answer(b"%PDF-" + b" " * 10_000_000)
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"5\r\n%PDF-\r\n")
        while True:
            handler.wfile.write(b"400\r\n" + b" " * 1024 + b"\r\n")

    server.replies["/x"] = pour
    refused(Fetching(tmp_path, f"{server.address}/x"), "sends more than 0.2 MB")


def test_another_papers_pdf_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.replies["/x"] = lambda handler, _: handler.answer(pdf("On Tea\nAda Author"))
    refused(Fetching(tmp_path, f"{server.address}/x"), "“On Tea”, so it was not kept")
    assert server.asked == ["/x"]


def test_a_pdf_without_a_readable_title_page_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.replies["/x"] = lambda handler, _: handler.answer(b"%PDF-1.7\nnothing\n%%EOF")
    refused(Fetching(tmp_path, f"{server.address}/x"), "cannot be read")


def test_redirects_are_followed_and_the_last_address_recorded(
    server: Server, tmp_path: Path
) -> None:
    server.replies["/x"] = lambda handler, _: handler.redirect("/y")
    server.replies["/y"] = lambda handler, _: handler.redirect(f"{server.address}/z")
    server.replies["/z"] = lambda handler, _: handler.answer(pdf(DEEP))
    assert Fetching(tmp_path, f"{server.address}/x").left_out == ()
    assert f"{server.address}/z" in (tmp_path / ".fetched.json").read_text()


def test_redirects_in_a_circle_end(server: Server, tmp_path: Path) -> None:
    server.replies["/x"] = lambda handler, _: handler.redirect("/x")
    refused(Fetching(tmp_path, f"{server.address}/x"), "redirects without end")
    assert len(server.asked) == 6


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "http://[", "http://"])
def test_a_redirect_to_nowhere_is_refused(server: Server, tmp_path: Path, target: str) -> None:
    server.replies["/x"] = lambda handler, _: handler.redirect(target)
    refused(Fetching(tmp_path, f"{server.address}/x"), "127.0.0.1")


def nobody() -> str:
    """An address on this machine where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_host_that_refuses_is_asked_once_for_all_its_readings(tmp_path: Path) -> None:
    address = nobody()
    entries = load_list([REPOSITORY / "corpus"]).entries[:3]
    wanted = tuple(replace(entry, pdf_url=f"{address}/{entry.reading_id}") for entry in entries)
    lines: list[str] = []
    with socket.socket() as late:
        late.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        late.setblocking(False)

        def say(line: str) -> None:
            # From the first refusal on somebody would be there to be asked.
            if not lines:
                late.bind(("127.0.0.1", int(address.rpartition(":")[2])))
                late.listen()
            lines.append(line)

        left_out = fetch_missing(ReadingList(tmp_path, wanted), wanted, say, limits=FAST)
        with pytest.raises(BlockingIOError):
            late.accept()
    assert [line.partition(":")[0] for line in lines] == IDS[:3]
    assert all("refused the connection" in line for line in lines)
    assert len(left_out) == 3


def test_without_a_network_each_reading_gets_its_line_quickly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    host = "https://arxiv.invalid"  # A name that never resolves, by RFC 2606.
    fetching = Fetching(tmp_path, f"{host}/x", f"{host}/y", f"{host}/z")
    assert fetching.lines[1] == (
        f"2402.00157: no network (could not reach arxiv.invalid); put the PDF into {tmp_path}/ by "
        "hand."
    )
    assert len(fetching.left_out) == 3
    assert fetching.pauses == []


def test_one_reading_that_fails_does_not_keep_the_next_from_coming(
    server: Server, tmp_path: Path
) -> None:
    server.replies["/x"] = lambda handler, _: handler.answer(b"no", 404)
    server.replies["/y"] = lambda handler, _: handler.answer(pdf(MATH))
    fetching = Fetching(tmp_path, f"{nobody()}/x", f"{server.address}/y", f"{server.address}/x")
    assert [left.name for left in fetching.left_out] == ["2212.10535", "2501.01277"]
    assert (tmp_path / "2402.00157.pdf").exists()


def test_a_file_that_is_there_is_never_written_over(server: Server, tmp_path: Path) -> None:
    mine = put(tmp_path / "2212.10535.pdf", b"my own notes")
    fetching = Fetching(tmp_path, f"{server.address}/x")
    assert "is there and is not this reading" in fetching.lines[0]
    assert mine.read_bytes() == b"my own notes"
    assert server.asked == []


def test_a_reading_without_an_address_is_asked_for(tmp_path: Path) -> None:
    refused(Fetching(tmp_path, ""), "readings.toml has no pdf_url")


def test_a_disk_that_takes_nothing_is_named(server: Server, tmp_path: Path) -> None:
    server.replies["/x"] = lambda handler, _: handler.answer(pdf(DEEP))
    (line,) = Fetching(tmp_path / "gone", f"{server.address}/x").lines
    assert "could not be written" in line
    assert "No such file" in line


def test_a_proxy_that_cannot_be_used_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "nonsense://127.0.0.1")
    refused(Fetching(tmp_path, f"{nobody()}/x"), "127.0.0.1")


@pytest.fixture
def encrypted(
    server: Server, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The server's address once it speaks TLS with a certificate that is trusted."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return server.address.replace("http:", "https:")


def test_a_redirect_that_drops_encryption_is_refused(
    server: Server, encrypted: str, tmp_path: Path
) -> None:
    server.replies["/x"] = lambda handler, _: handler.redirect("http://arxiv.invalid/x")
    refused(Fetching(tmp_path, f"{encrypted}/x"), "redirects to an address without encryption")


def test_an_encrypted_transfer_works_and_may_end_on_this_machine(
    server: Server, encrypted: str, tmp_path: Path
) -> None:
    server.replies["/x"] = lambda handler, _: handler.answer(pdf(DEEP))
    server.replies["/y"] = lambda handler, _: handler.redirect(f"{nobody()}/y")
    fetching = Fetching(tmp_path, f"{encrypted}/x", f"{encrypted}/y")
    assert (tmp_path / "2212.10535.pdf").exists()
    assert "refused the connection" in fetching.lines[1]


def test_a_certificate_nobody_vouches_for_is_refused(
    server: Server, encrypted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    refused(Fetching(tmp_path, f"{encrypted}/x"), "certificate of 127.0.0.1")


def test_importing_the_module_loads_neither_pypdf_nor_httpx() -> None:
    code = "import sys, rag.readings; sys.exit(bool({'pypdf', 'httpx'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
