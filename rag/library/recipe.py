"""What an index is made by: the recipe, which is kept and compared, and the parts that work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from rag.protocols import Embedder, VectorStore
from rag.types import Chunk, Page, Reading


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what an index holds besides the readings.

    An index may be used only with the recipe it was made by: ``parser`` (name and version),
    ``embedder`` (name) with ``dim`` and ``fingerprint`` (hash of the weights), ``chunker``
    (version and settings), ``store`` (name) and ``lexical`` (name and version).
    """

    parser: str
    embedder: str
    dim: int
    fingerprint: str
    chunker: str
    store: str
    lexical: str

    def differences(self, other: Recipe) -> list[str]:
        """Each field that differs, as "embedder minilm, now bge"."""
        pairs = [(f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return [f"{name} {mine}, now {theirs}" for name, mine, theirs in pairs if mine != theirs]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a build is made with.

    ``embedder`` and ``new_store`` are called only when there is something to embed or to write,
    so that an unchanged index loads no model. ``search_text`` is what of a chunk is embedded.
    ``write_lexical`` receives all search texts in the order of rows and writes into the folder;
    ``write_abbreviations`` likewise receives the texts of all windows but the bibliographies'.
    """

    parse: Callable[[Reading], Sequence[Page]]
    chunk: Callable[[Reading, Sequence[Page]], Sequence[Chunk]]
    search_text: Callable[[Chunk], str]
    embedder: Callable[[], Embedder]
    new_store: Callable[[], VectorStore]
    write_lexical: Callable[[Sequence[str], Path], None]
    write_abbreviations: Callable[[Sequence[str], Path], None]
