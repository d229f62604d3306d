"""Fetching from servers that misbehave."""

from __future__ import annotations

import hashlib
import json
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

from rag.fetching import Limits, fetch_missing
from rag.reading_list import ReadingList, load_list
from tests.course import DEEP, IDS, MATH, REPOSITORY, ids_in, pdf, put

FAST = Limits(connect=2, read=2, total=5, most_bytes=200_000, tries=3, backoff=0.001)
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
    code = "import sys, rag.fetching; sys.exit(bool({'pypdf', 'httpx'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
