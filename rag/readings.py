"""The reading list: what belongs to the course, where it comes from, and whether it is really here.

``readings.toml`` names the readings. A PDF is recognised by its title page, so that its file may
be called anything, and what is missing can be fetched. A guide stands in for a paper that is not
here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import time
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rag import __version__
from rag.errors import FetchError, ReadingError, system_reason
from rag.types import Reading

if TYPE_CHECKING:
    import httpx

LIST = "readings.toml"
"""The reading list's file name."""

LARGEST_FILE = 200_000_000
"""Bytes: a larger PDF is left out."""

_HERE = Path(__file__).parent.parent / "corpus"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ARXIV_ID = re.compile(r"\d{4}\.\d{4,5}")
# A stamp as arXiv prints it down the margin. Bare ids also stand in citations, so a stamp without
# category and date counts only on a line of its own.
_STAMP = re.compile(r"arXiv:(\d{4}\.\d{4,5})v\d+\s*\[[\w.-]+\]\s*\d{1,2}\s*[A-Z][a-z]{2}\s*\d{4}")
_BARE_STAMP = re.compile(r"^[ \t]*arXiv:(\d{4}\.\d{4,5})v\d+[ \t]*$", re.MULTILINE)
_ABSTRACT = re.compile(r"\s*a ?b ?s ?t ?r ?a ?c ?t\s*([.:—–-]|$)", re.IGNORECASE)
_RUNNING_HEAD = re.compile(
    r"\s*(arxiv:|doi:|https?:|published |proceedings |under review|preprint|accepted )",
    re.IGNORECASE,
)
_HEAD = 400
"""Letters and digits from the top of page 1 among which a title begins."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One reading as the list describes it.

    ``reading_id`` is the arXiv id or a short name. ``version`` is the arXiv version that
    ``pdf_url`` leads to. ``licence`` is empty where it is not known, ``pdf_url`` where the PDF can
    only be put in place by hand. ``genre`` is "survey", "model paper" or the course's own word.
    ``nicknames`` are what people call the reading in a question.
    """

    reading_id: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    version: str
    url: str
    pdf_url: str
    licence: str
    genre: str
    nicknames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadingList:
    """The entries in the course's order, and the folder where the list lives."""

    folder: Path
    entries: tuple[Entry, ...]

    def lives_in(self, folders: Sequence[Path]) -> bool:
        """Whether the list belongs to one of these folders, so that fetching into it is right."""
        return self.folder.resolve() in {folder.resolve() for folder in folders}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or reading that cannot be used: its name, and why, in words for people."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the folders hold.

    ``readings`` stand in the list's order, then by file name; each id occurs once. ``missing`` are
    the entries whose paper is not here, even where a guide stands in.
    """

    readings: tuple[Reading, ...]
    left_out: tuple[LeftOut, ...]
    missing: tuple[Entry, ...]


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


# The list.


def load_list(folders: Sequence[Path]) -> ReadingList:
    """Read the list of the first folder that has one, else the repository's own, else none.

    Raises ReadingError, with file and line, for a list that cannot be understood.
    """
    for folder in (*folders, _HERE):
        if (path := folder / LIST).is_file():
            return ReadingList(folder, _entries(path))
    return ReadingList(folders[0] if folders else _HERE, ())


def _entries(path: Path) -> tuple[Entry, ...]:
    try:
        # Some editors put a byte order mark in front, which TOML does not know.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ReadingError(f"{path} is not UTF-8 (line {line}): save it as UTF-8.") from error
    except OSError as error:
        raise ReadingError(
            f"{path} cannot be read ({system_reason(error)}): see to it that you may read it."
        ) from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        end = f"at line {text.count(chr(10)) + 1}, the end"
        what = str(error).replace("at end of document", end)
        raise ReadingError(f"{path} cannot be understood: {what}. Correct that line.") from error
    lines = [text.count("\n", 0, m.end()) + 1 for m in re.finditer(r"(?m)^\s*\[\[", text)]
    return _checked(path, content, lines)


def _checked(path: Path, content: Mapping[str, Any], lines: Sequence[int]) -> tuple[Entry, ...]:
    """Check a list whose TOML is sound; ``lines`` are where its tables begin."""
    tables = content.get("reading", [])
    if set(content) - {"reading"} or not _is_list_of(tables, dict):
        raise ReadingError(f"{path}, line 1: a reading list holds [[reading]] tables only.")
    entries: dict[str, Entry] = {}
    for number, table in enumerate(tables):
        try:
            entry = _entry(table)
            if entry.reading_id in entries:
                raise ValueError(f"the id {entry.reading_id!r} is taken by an entry above")
        except ValueError as error:
            line = f"line {lines[number]}" if number < len(lines) else f"reading {number + 1}"
            raise ReadingError(f"{path}, {line}: {error}. Correct that entry.") from None
        entries[entry.reading_id] = entry
    return tuple(entries.values())


def _entry(table: dict[str, Any]) -> Entry:
    """Make the entry of one table. Raises ValueError, naming the field."""
    rest = dict(table)
    entry = Entry(
        reading_id=_take(rest, "id", str, ""),
        title=_take(rest, "title", str, ""),
        authors=_take_names(rest, "authors"),
        year=_take(rest, "year", int, 0) or None,
        version=_take(rest, "version", str, ""),
        url=_take(rest, "url", str, ""),
        pdf_url=_take(rest, "pdf_url", str, ""),
        licence=_take(rest, "licence", str, ""),
        genre=_take(rest, "genre", str, "paper"),
        nicknames=_take_names(rest, "nicknames"),
    )
    if rest:
        raise ValueError(f"there is no field {min(rest)!r}")
    if not _ID.fullmatch(entry.reading_id):
        raise ValueError("id must be a name of letters, digits, dots, hyphens and underscores")
    if not _squash(entry.title):
        raise ValueError("title must be what the title page prints")
    for url in (entry.url, entry.pdf_url):
        if url and not url.startswith(("https://", "http://")):
            raise ValueError(f"the address {url!r} must begin with https:// or http://")
    return entry


def _take(table: dict[str, Any], name: str, kind: type[T], default: T) -> T:
    value = table.pop(name, default)
    if type(value) is not kind:
        raise ValueError(f"{name} must be {'a whole number' if kind is int else 'text'}")
    return value


def _take_names(table: dict[str, Any], name: str) -> tuple[str, ...]:
    value = table.pop(name, [])
    if not _is_list_of(value, str):
        raise ValueError(f"{name} must be a list of texts")
    return tuple(value)


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


# What is here.


def discover(
    folders: Sequence[Path], reading_list: ReadingList, known: Mapping[str, Reading] | None = None
) -> Found:
    """All readings in the folders: their PDFs, and guides for the papers that are not there.

    ``known`` are the readings of an earlier run by sha256: a file among them is hashed and not
    opened. Raises ReadingError for a folder that does not exist.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ReadingError(
                f"There is no folder {folder}: create it and put PDFs there, or set RAG_CORPUS to "
                "the folders that hold them."
            )
    files, left_out = _hashed(_pdfs(folders))
    papers = _papers(files, _Catalogue(reading_list.entries, known or {}), left_out)
    missing = tuple(e for e in reading_list.entries if e.reading_id not in papers)
    guide_files, left_guides = _hashed(_pdfs([folder / "guides" for folder in folders]))
    guides = _guides(guide_files, reading_list, left_guides)
    listed = [e.reading_id for e in reading_list.entries]
    others = [reading_id for reading_id in papers if reading_id not in listed]
    found = guides | papers
    return Found(
        tuple(found[reading_id] for reading_id in (*listed, *others) if reading_id in found),
        (*left_out, *left_guides),
        missing,
    )


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    sha256: str

    @property
    def stem(self) -> str:
        """The file's name as an id: safe to show and to store."""
        return _shown(self.path.stem) or self.sha256[:12]


@dataclass(frozen=True, slots=True)
class _TitlePage:
    """What page 1 says, line by line, and the title in the PDF's metadata."""

    text: str = ""
    metadata_title: str = ""


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """What a file is compared with: the list, and the readings of an earlier run by sha256."""

    entries: tuple[Entry, ...]
    known: Mapping[str, Reading]

    def reading(self, file: _File) -> Reading:
        """Tell which paper this is. Raises ReadingError for one that only bears a listed name."""
        if earlier := self._recall(file):
            return earlier
        page = _title_page(file.path)
        if entry := _identify(page, self.entries):
            return _listed(entry, file)
        if file.stem in {entry.reading_id for entry in self.entries}:
            raise ReadingError(
                "its title page is not that of the reading whose id it bears, or cannot be read: "
                "remove it, or rename it if it is another reading"
            )
        return _unlisted(page, file)

    def _recall(self, file: _File) -> Reading | None:
        """Return what the earlier run made of this file, if the list gives no reason to doubt."""
        earlier = self.known.get(file.sha256)
        if earlier is None or earlier.kind != "paper":
            return None
        for entry in self.entries:
            if (entry.reading_id, entry.title) == (earlier.reading_id, earlier.title):
                return _listed(entry, file)
        # An entry that sounds like it may be new in the list: look at the title page again.
        title = _squash(earlier.title)
        doubtful = any(title in _squash(entry.title) for entry in self.entries)
        if doubtful or earlier.url or earlier.reading_id != file.stem:
            return None
        return replace(earlier, path=file.path)


def _pdfs(folders: Iterable[Path]) -> list[Path]:
    """List the PDFs directly in the folders: by folder in the order given, then by name."""
    found: list[Path] = []
    for folder in folders:
        try:
            paths = list(folder.iterdir()) if folder.is_dir() else []
        except OSError as error:
            raise ReadingError(
                f"The folder {folder} cannot be read ({system_reason(error)}): see to it that you may, "
                "or set RAG_CORPUS to other folders."
            ) from error
        wanted = [p for p in paths if p.suffix.lower() == ".pdf" and not p.name.startswith(".")]
        found += sorted(wanted, key=lambda path: path.name)
    return found


def _hashed(paths: Iterable[Path]) -> tuple[list[_File], list[LeftOut]]:
    """Hash the files; returns each content once, and what is too large or locked."""
    files: dict[str, _File] = {}
    left_out: list[LeftOut] = []
    for path in paths:
        try:
            file = _File(path, _hash(path))
            files.setdefault(file.sha256, file)
        except ReadingError as error:
            left_out.append(LeftOut(_shown(path.name), str(error)))
    return list(files.values()), left_out


def _hash(path: Path) -> str:
    """Hash a file. Raises ReadingError for what is no file, too large, or locked."""
    try:
        if not path.is_file():
            raise ReadingError("it is not a file, or a link that leads nowhere: remove it")
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise ReadingError(
                f"it has {size // 1_000_000} MB and at most {LARGEST_FILE // 1_000_000} MB are "
                "read: split it or make it smaller"
            )
        return _sha256(path)
    except OSError as error:
        raise ReadingError(
            f"it cannot be read ({system_reason(error)}): see to it that you may read it"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _papers(
    files: Iterable[_File], catalogue: _Catalogue, left_out: list[LeftOut]
) -> dict[str, Reading]:
    """Collect the readings by id; what cannot be one is added to ``left_out``."""
    papers: dict[str, Reading] = {}
    for file in files:
        try:
            reading = catalogue.reading(file)
            if twin := papers.get(reading.reading_id):
                raise ReadingError(
                    f"{_shown(twin.path.name)} is already taken for {reading.reading_id} and has "
                    "other content: keep one of them, or rename one if they are two readings"
                )
        except ReadingError as error:
            left_out.append(LeftOut(_shown(file.path.name), str(error)))
        else:
            papers[reading.reading_id] = reading
    return papers


def _guides(
    files: Iterable[_File], reading_list: ReadingList, left_out: list[LeftOut]
) -> dict[str, Reading]:
    """Collect the guides by their papers' ids; strays are added to ``left_out``."""
    entries = {entry.reading_id: entry for entry in reading_list.entries}
    guides: dict[str, Reading] = {}
    for file in files:
        if entry := entries.get(file.stem):
            guides.setdefault(entry.reading_id, _guide(entry, file))
        else:
            reason = f"no reading of {LIST} has the id {file.stem}: name the guide after one"
            left_out.append(LeftOut(f"guides/{_shown(file.path.name)}", reason))
    return guides


def _listed(entry: Entry, file: _File) -> Reading:
    return Reading(
        reading_id=entry.reading_id,
        title=entry.title,
        authors=entry.authors,
        year=entry.year,
        url=entry.url,
        licence=entry.licence,
        kind="paper",
        sha256=file.sha256,
        path=file.path,
    )


def _guide(entry: Entry, file: _File) -> Reading:
    # It has no year: the paper's would date a text that is ours.
    return replace(
        _listed(entry, file),
        title=_guide_title(entry),
        authors=("Reading Room",),
        year=None,
        licence="Apache-2.0",
        kind="guide",
    )


def _guide_title(entry: Entry) -> str:
    return f"Reading guide to “{entry.title}”"


def _unlisted(page: _TitlePage, file: _File) -> Reading:
    return Reading(
        reading_id=file.stem,
        title=_title(page) or file.stem,
        authors=(),
        year=None,
        url="",
        licence="",
        kind="paper",
        sha256=file.sha256,
        path=file.path,
    )


# The title page.


def _title_page(path: Path) -> _TitlePage:
    """Read page 1, empty where that fails: whether the file is a reading, the parser decides."""
    from pypdf import PdfReader

    # pypdf raises nearly anything for a damaged file, and logs what it repairs.
    with _silenced("pypdf"), contextlib.suppress(Exception), path.open("rb") as file:
        pdf = PdfReader(file)
        text, title = pdf.pages[0].extract_text(), ""
        with contextlib.suppress(Exception):
            title = str(pdf.metadata.title or "") if pdf.metadata else ""
        return _TitlePage(text, title)
    return _TitlePage()


@contextlib.contextmanager
def _silenced(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _identify(page: _TitlePage, entries: Sequence[Entry]) -> Entry | None:
    """Find the entry whose arXiv stamp or title the page bears, not one it only mentions."""
    stamps = set(_STAMP.findall(page.text)) or set(_BARE_STAMP.findall(page.text))
    for entry in entries:
        if entry.reading_id in stamps:
            return entry
    lines, title = _head(page.text), _squash(page.metadata_title)
    for entry in entries:
        # Another arXiv stamp says that this is another paper, whatever its title contains.
        if stamps and _ARXIV_ID.fullmatch(entry.reading_id):
            continue
        wanted = _squash(entry.title)
        if title == wanted or _begins_a_line(wanted, lines):
            return entry
    return None


def _head(text: str) -> list[str]:
    """Squash the lines above the abstract, at most those that begin among ``_HEAD`` letters."""
    lines: list[str] = []
    for line in text.splitlines():
        if _ABSTRACT.match(line) or sum(map(len, lines)) >= _HEAD:
            break
        lines.append(_squash(line))
    return lines


def _begins_a_line(title: str, lines: Sequence[str]) -> bool:
    """Whether whole lines in a row make the title, but for a footnote mark at its end."""
    for first in range(len(lines)):
        joined = ""
        for line in lines[first:]:
            joined += line
            if len(joined) >= len(title):
                break
        if joined.startswith(title) and len(joined) <= len(title) + 3:
            return True
    return False


def _title(page: _TitlePage) -> str:
    """Take the metadata's title if page 1 prints it, else the first line that can be one."""
    title = _shown(page.metadata_title)
    if (squashed := _squash(title)) and squashed in _squash(page.text[:2000]):
        return title
    for line in page.text.splitlines():
        if sum(map(str.isalpha, line)) > 3 and not _RUNNING_HEAD.match(line):
            return _shown(line)
    return ""


def _squash(text: str) -> str:
    """Only letters and digits, without case, accents and ligatures: line breaks do not matter."""
    # Decomposed, for TeX also writes an accent as a character of its own.
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text).casefold()))


def _shown(text: str) -> str:
    """Make one line of at most 200 characters, none of which a terminal obeys."""
    text = unicodedata.normalize("NFC", text)
    kept = (c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())[:200].strip()


# Fetching.


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
        _record(folder, entry, url, _sha256(part))
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
    page = _title_page(part)
    if _identify(page, [entry]) is None:
        other = f"is that of “{_title(page)}”" if _title(page) else "cannot be read"
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
    return _Failed(f"{host} could not be asked ({_shown(str(error))})")


def _causes(error: BaseException) -> list[BaseException]:
    """List the error and those it came from, nearest first."""
    found = [error]
    while cause := found[-1].__cause__ or found[-1].__context__:
        found.append(cause)
    return found
