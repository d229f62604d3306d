"""The readings that are here: papers, and the guides that stand in for those that are not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.errors import ReadingError, system_reason
from rag.reading_list import LIST, Entry, ReadingList, squash
from rag.title_page import TitlePage, identify, shown
from rag.types import Reading

LARGEST_FILE = 200_000_000
"""Bytes: a larger PDF is left out."""


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
        return shown(self.path.stem) or self.sha256[:12]


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """What a file is compared with: the list, and the readings of an earlier run by sha256."""

    entries: tuple[Entry, ...]
    known: Mapping[str, Reading]

    def reading(self, file: _File) -> Reading:
        """Tell which paper this is. Raises ReadingError for one that only bears a listed name."""
        if earlier := self._recall(file):
            return earlier
        page = TitlePage.read(file.path)
        if entry := identify(page, self.entries):
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
        title = squash(earlier.title)
        doubtful = any(title in squash(entry.title) for entry in self.entries)
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
                f"The folder {folder} cannot be read ({system_reason(error)}): see to it that you "
                "may, or set RAG_CORPUS to other folders."
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
            left_out.append(LeftOut(shown(path.name), str(error)))
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
        return sha256_of(path)
    except OSError as error:
        raise ReadingError(
            f"it cannot be read ({system_reason(error)}): see to it that you may read it"
        ) from error


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, by which a file is known again under another name."""
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
                    f"{shown(twin.path.name)} is already taken for {reading.reading_id} and has "
                    "other content: keep one of them, or rename one if they are two readings"
                )
        except ReadingError as error:
            left_out.append(LeftOut(shown(file.path.name), str(error)))
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
            left_out.append(LeftOut(f"guides/{shown(file.path.name)}", reason))
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
        title=f"Reading guide to “{entry.title}”",
        authors=("Reading Room",),
        year=None,
        licence="Apache-2.0",
        kind="guide",
    )


def _unlisted(page: TitlePage, file: _File) -> Reading:
    return Reading(
        reading_id=file.stem,
        title=page.title or file.stem,
        authors=(),
        year=None,
        url="",
        licence="",
        kind="paper",
        sha256=file.sha256,
        path=file.path,
    )
