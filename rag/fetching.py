"""Fetching what the reading list names and the folders lack, from servers that misbehave."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rag import __version__
from rag.errors import FetchError, system_reason
from rag.reading_list import LIST, Entry, ReadingList
from rag.readings import LeftOut, sha256_of
from rag.title_page import TitlePage, identify, shown

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Limits:
    """How much patience a fetch has: seconds, bytes, and tries for one reading.

    ``total`` seconds hold for all tries together. Before the second try it waits ``backoff``
    seconds, before each later one twice as long as before.
    """

    connect: float = 10.0
    read: float = 20.0
    total: float = 120.0
    most_bytes: int = 64_000_000
    tries: int = 3
    backoff: float = 1.0


class _Failed(FetchError):
    """One try failed. ``again``: another may not. ``unreachable``: the host cannot be reached."""

    def __init__(self, reason: str, *, again: bool = False, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.again = again
        self.unreachable = unreachable


def fetch_missing(
    reading_list: ReadingList,
    missing: Sequence[Entry],
    say: Callable[[str], None],
    *,
    limits: Limits = Limits(),
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[LeftOut, ...]:
    """Fetch the missing readings into the list's folder as ``<id>.pdf``; returns what failed.

    ``say`` gets one line for each reading. Nothing is raised: a course goes on without a network.
    """
    left_out: list[LeftOut] = []
    unreachable: dict[str, str] = {}
    for entry in missing:
        host = _host(entry)
        try:
            if host in unreachable:
                raise _Failed(unreachable[host])
            size = _fetch(entry, reading_list.folder, limits, sleep)
            say(f"{entry.reading_id}: fetched {size / 1e6:.1f} MB from {host}.")
        except _Failed as failure:
            if failure.unreachable:
                unreachable[host] = str(failure)
            reason = f"{failure}; put the PDF into {reading_list.folder}/ by hand."
            say(f"{entry.reading_id}: {reason}")
            left_out.append(LeftOut(entry.reading_id, reason))
    return tuple(left_out)


def _host(entry: Entry) -> str:
    """Cut host and port out of the address, without a password that may stand before them."""
    return entry.pdf_url.partition("//")[2].partition("/")[0].rpartition("@")[2]


def _fetch(entry: Entry, folder: Path, limits: Limits, sleep: Callable[[float], None]) -> int:
    """Fetch one reading, trying again where that may help; returns its bytes. Raises _Failed."""
    deadline = time.monotonic() + limits.total
    tries, pause = 1, limits.backoff
    while True:
        try:
            return _try_once(entry, folder, limits, deadline)
        except _Failed as failure:
            late = time.monotonic() + pause > deadline
            if late or tries >= limits.tries or not failure.again:
                raise
        sleep(pause)
        tries, pause = tries + 1, pause * 2


def _try_once(entry: Entry, folder: Path, limits: Limits, deadline: float) -> int:
    """Fetch into a file aside, check it, and rename it when it is whole. Raises _Failed."""
    import httpx

    target = folder / f"{entry.reading_id}.pdf"
    part = folder / f"{target.name}.part"
    if not entry.pdf_url:
        raise _Failed(f"{LIST} has no pdf_url for it")
    if os.path.lexists(target):
        raise _Failed(f"{target.name} is there and is not this reading (rename or remove it)")
    try:
        url = _download(entry.pdf_url, part, limits, deadline)
        _refuse_other_paper(part, entry)
        size = part.stat().st_size
        _record(folder, entry, url, sha256_of(part))
        part.replace(target)
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as error:
        # httpx raises the last two for proxy settings it cannot use.
        raise _network_failure(error, _host(entry)) from error
    except OSError as error:
        raise _Failed(f"it could not be written to {folder} ({system_reason(error)})") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return size


def _download(url: str, part: Path, limits: Limits, deadline: float) -> str:
    """Save what the address leads to; returns the address at the end of all redirects."""
    import httpx

    headers = {"User-Agent": f"ReadingRoom/{__version__}", "Accept-Encoding": "identity"}
    timeout = httpx.Timeout(limits.read, connect=limits.connect)
    with httpx.Client(timeout=timeout, headers=headers) as client:
        response = _open(client, url)
        with contextlib.closing(response):
            if (code := response.status_code) != 200:
                reason = f"{response.url.host} answered {code} {response.reason_phrase}".rstrip()
                raise _Failed(reason, again=code == 429 or code >= 500)
            _save(response, part, limits, deadline)
        return str(response.url)


def _open(client: httpx.Client, url: str) -> httpx.Response:
    """Follow at most five redirects; the body of the answer is not read yet."""
    request = client.build_request("GET", url)
    for _ in range(6):
        response = client.send(request, stream=True)
        following = response.next_request
        if following is None:
            return response
        response.close()
        downgraded = request.url.scheme == "https" and following.url.scheme == "http"
        if downgraded and following.url.host not in {"127.0.0.1", "::1", "localhost"}:
            raise _Failed(f"{request.url.host} redirects to an address without encryption")
        request = following
    raise _Failed(f"{request.url.host} redirects without end")


def _save(response: httpx.Response, part: Path, limits: Limits, deadline: float) -> None:
    """Write the body, and stop as soon as it is too long, too slow or no PDF."""
    host = response.url.host
    head = tail = b""
    size = 0
    with part.open("wb") as file:
        for piece in response.iter_bytes():
            size += len(piece)
            head, tail = (head + piece)[:1024] if len(head) < 1024 else head, (tail + piece)[-1024:]
            if size > limits.most_bytes:
                raise _Failed(f"{host} sends more than {limits.most_bytes / 1e6:g} MB")
            if time.monotonic() > deadline:
                raise _Failed(f"{host} did not finish within {limits.total:g} seconds")
            if len(head) == 1024:
                _refuse_no_pdf(head, host)
            file.write(piece)
        _refuse_no_pdf(head, host)
        # A connection that ends without having announced a length may have been cut.
        if b"%%EOF" not in tail:
            raise _Failed(f"the transfer from {host} was cut", again=True)
        file.flush()
        os.fsync(file.fileno())


def _refuse_no_pdf(head: bytes, host: str) -> None:
    if b"%PDF-" not in head:
        what = "a web page" if b"<html" in head.lower() or b"<!doc" in head.lower() else "something"
        raise _Failed(f"{host} sent {what} instead of a PDF")


def _refuse_other_paper(part: Path, entry: Entry) -> None:
    page = TitlePage.read(part)
    if identify(page, [entry]) is None:
        other = f"is that of “{page.title}”" if page.title else "cannot be read"
        raise _Failed(
            f"the title page of what {_host(entry)} sent {other}, so it was not kept; correct "
            f"pdf_url in {LIST}"
        )


def _record(folder: Path, entry: Entry, url: str, sha256: str) -> None:
    """Note in ``.fetched.json`` where a file came from, when, and its hash."""
    path, part = folder / ".fetched.json", folder / ".fetched.json.part"
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        content = {}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    fact = {"file": f"{entry.reading_id}.pdf", "sha256": sha256, "url": url, "date": now}
    content = (content if isinstance(content, dict) else {}) | {entry.reading_id: fact}
    with part.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _network_failure(error: Exception, host: str) -> _Failed:
    """Say what httpx's error means for people, and whether another try may help."""
    import ssl

    import httpx

    causes = _causes(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return _Failed(f"the certificate of {host} cannot be trusted", unreachable=True)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return _Failed(f"{host} refused the connection", unreachable=True)
    reset = any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in causes)
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError) or reset:
        return _Failed(f"the transfer from {host} was cut", again=True)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return _Failed(f"no network (could not reach {host})", unreachable=True)
    if isinstance(error, httpx.TimeoutException):
        return _Failed(f"{host} did not answer in time")
    return _Failed(f"{host} could not be asked ({shown(str(error))})")


def _causes(error: BaseException) -> list[BaseException]:
    """List the error and those it came from, nearest first."""
    found = [error]
    while cause := found[-1].__cause__ or found[-1].__context__:
        found.append(cause)
    return found
