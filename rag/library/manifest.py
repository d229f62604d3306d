"""``manifest.json``: what a build was made from, and what it is made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rag.errors import IndexFailure, IndexStale
from rag.library.failures import damaged
from rag.library.health import ReadingHealth
from rag.library.recipe import Recipe
from rag.types import Reading

SCHEMA = 4
"""The layout that the package describes. An index of another schema is built anew."""

_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A reading that was given and could not be used, and why."""

    reading: Reading
    reason: str


@dataclass(frozen=True, slots=True)
class File:
    """A file of a build: its path within, its bytes, its hash."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a build was made from and what it is made of."""

    recipe: Recipe
    readings: tuple[Reading, ...]
    left_out: tuple[LeftOut, ...]
    health: tuple[ReadingHealth, ...]
    files: tuple[File, ...]

    @property
    def name(self) -> str:
        """16 hex digits: the same for builds from the same recipe and readings."""
        made_from = asdict(replace(self, health=(), files=()))
        text = json.dumps({"schema": SCHEMA, **made_from}, default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """The readings left out, as (reading id, why)."""
        return tuple((left.reading.reading_id, left.reason) for left in self.left_out)

    def seal(self, home: Path) -> None:
        """Write it, with the size and hash of every file, into a build that lacks only this."""
        whole = replace(self, files=_files_of(home))
        # Indented: people read it as well.
        text = json.dumps({"schema": SCHEMA, **asdict(whole)}, default=str, indent=1)
        (home / _MANIFEST).write_text(text, "utf-8")

    @classmethod
    def load(cls, home: Path) -> Manifest:
        """A build's manifest. Raises IndexStale for another schema, IndexFailure for damage."""
        try:
            content = json.loads((home / _MANIFEST).read_text("utf-8"))
            schema = content["schema"]
            manifest = cls._from_json(content) if schema == SCHEMA else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise damaged(home.parents[1], f"{_MANIFEST} cannot be read") from error
        if manifest is None:
            raise IndexStale(
                f"The index in {home.parents[1]} was made by another version of Reading Room "
                f"(layout {schema}, this one has {SCHEMA}). Run `python -m rag.index` to build it "
                "anew."
            )
        if manifest.name != home.name:
            raise damaged(home.parents[1], f"{_MANIFEST} belongs to another build")
        return manifest

    @classmethod
    def _from_json(cls, content: dict[str, Any]) -> Manifest:
        """The manifest again. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            Recipe(**content["recipe"]),
            tuple(_reading(entry) for entry in content["readings"]),
            tuple(LeftOut(_reading(x["reading"]), x["reason"]) for x in content["left_out"]),
            tuple(_health(entry) for entry in content["health"]),
            tuple(File(**entry) for entry in content["files"]),
        )

    def check_sizes(self, home: Path) -> None:
        """Raise IndexFailure for a file of the build that is missing, cut or longer than it was."""
        for file in self.files:
            if _size(home / file.name) != file.size:
                what = f"{file.name} is missing or not as long as it was"
                raise damaged(home.parents[1], what)


def is_sound(home: Path) -> bool:
    """Whether every file of a build still has the bytes it was written with."""
    try:
        files = Manifest.load(home).files
        return all(_hash(home / file.name) == file.sha256 for file in files)
    except (IndexFailure, OSError):
        return False


def _reading(entry: dict[str, Any]) -> Reading:
    known = {"authors": tuple(entry["authors"]), "path": Path(entry["path"])}
    return Reading(**{**entry, **known})


def _health(entry: dict[str, Any]) -> ReadingHealth:
    known = {
        "empty_pages": tuple(entry["empty_pages"]),
        "blocks": tuple((kind, count) for kind, count in entry["blocks"]),
        "problems": tuple(entry["problems"]),
    }
    return ReadingHealth(**{**entry, **known})


def _files_of(home: Path) -> tuple[File, ...]:
    """Every file of a build, in the order of their names."""
    paths = sorted(path for path in home.rglob("*") if path.is_file())
    return tuple(
        File(path.relative_to(home).as_posix(), path.stat().st_size, _hash(path)) for path in paths
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
