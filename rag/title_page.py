"""A PDF's title page, by which a reading is recognised, so that its file may be called anything."""

from __future__ import annotations

import contextlib
import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.pdf_ink import Ink
from rag.reading_list import Entry, squash

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
_LONGEST_TITLE = 200  # characters
_MOST_PIECES = 500  # of a page's text, in which its title is looked for
_SMALLEST = 0.7  # of the largest letters of a title's first line, what belongs to it
_HEAD = 400
"""Letters and digits from the top of page 1 among which a title begins."""


@dataclass(frozen=True, slots=True)
class TitlePage:
    """What page 1 says, line by line, the title in the PDF's metadata, and the page's text once more
    in pieces, each with the height of its letters in points; 0 for text that does not stand upright.
    """

    text: str = ""
    metadata_title: str = ""
    pieces: tuple[tuple[float, str], ...] = ()

    @classmethod
    def read(cls, path: Path) -> TitlePage:
        """Page 1, or an empty one: whether a broken file is a reading, the parser decides."""
        from pypdf import PdfReader

        # pypdf raises nearly anything for a damaged file, and logs what it repairs.
        with _silenced("pypdf"), contextlib.suppress(Exception), path.open("rb") as file:
            pdf = PdfReader(file)
            # A title that nobody sees is none, unless the page is a scan and nothing else is there.
            pieces: list[tuple[float, str]] = []
            text = pdf.pages[0].extract_text(
                visitor_operand_before=Ink().before,
                visitor_text=lambda text, page, line, _, size: pieces.append(
                    (_height(page, line, size), text)
                ),
            )
            text = text if text.strip() else pdf.pages[0].extract_text()
            title = ""
            with contextlib.suppress(Exception):
                title = str(pdf.metadata.title or "") if pdf.metadata else ""
            return cls(text, title, tuple(pieces))
        return cls()

    @property
    def title(self) -> str:
        """The metadata's title if page 1 prints it, else the first line that can be one, with what
        goes on from it in letters as large.
        """
        title = shown(self.metadata_title)
        if (squashed := squash(title)) and squashed in squash(self.text[:2000]):
            return title
        for line in self.text.splitlines():
            if sum(map(str.isalpha, line)) > 3 and not _RUNNING_HEAD.match(line):
                return shown(_continued(line, self.pieces))
        return ""


def _height(page: Sequence[float], line: Sequence[float], size: float) -> float:
    """Of the letters, by the matrices of the page and of the line (PDF 32000-1:2008, 9.4.4)."""
    upright = abs(line[1]) < 1e-6 and abs(line[2]) < 1e-6
    return round(abs(line[3] * page[3]) * size, 1) if upright else 0.0


def _continued(line: str, pieces: Sequence[tuple[float, str]]) -> str:
    """The line with what goes on behind it in letters as large as its own."""
    wanted, written = squash(line), _written(pieces)
    for first in range(len(written)):
        end, found = first, ""
        while end < len(written) and len(found) < len(wanted):
            found += squash(written[end][1])
            end += 1
        if wanted and found.startswith(wanted):
            # Small capitals are smaller than the first letters, footnote marks much smaller.
            least = _SMALLEST * max(height for height, _ in written[first:end])
            own = {height for height, _ in written[first:end] if height >= least}
            while end < len(written) and written[end][0] in own:
                end += 1
            whole = " ".join("".join(text for _, text in written[first:end]).split())
            # Letters as large to the end are the text's own.
            return whole if end < len(written) and len(whole) <= _LONGEST_TITLE else line
    return line


def _written(pieces: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """The first pieces that have letters, each with the white space behind it."""
    found: list[tuple[float, str]] = []
    for height, text in pieces[:_MOST_PIECES]:
        if text.strip():
            found.append((height, text))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} ")
    return found


@contextlib.contextmanager
def _silenced(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def identify(page: TitlePage, entries: Sequence[Entry]) -> Entry | None:
    """Find the entry whose arXiv stamp or title the page bears, not one it only mentions."""
    stamps = set(_STAMP.findall(page.text)) or set(_BARE_STAMP.findall(page.text))
    for entry in entries:
        if entry.reading_id in stamps:
            return entry
    lines, title = _head(page.text), squash(page.metadata_title)
    for entry in entries:
        # Another arXiv stamp says that this is another paper, whatever its title contains.
        if stamps and _ARXIV_ID.fullmatch(entry.reading_id):
            continue
        wanted = squash(entry.title)
        if title == wanted or _begins_a_line(wanted, lines):
            return entry
    return None


def _head(text: str) -> list[str]:
    """Squash the lines above the abstract, at most those that begin among ``_HEAD`` letters."""
    lines: list[str] = []
    for line in text.splitlines():
        if _ABSTRACT.match(line) or sum(map(len, lines)) >= _HEAD:
            break
        lines.append(squash(line))
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


def shown(text: str) -> str:
    """Make one line of at most 200 characters, none of which a terminal obeys."""
    text = unicodedata.normalize("NFC", text)
    kept = (c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())[:200].strip()
