"""Every extension point of Reading Room, on one page.

A plug-in is one file in the folder of its kind, and the file's name is its setting:
``RAG_LLM=extractive`` imports ``rag/llms/extractive.py`` and calls its ``load(settings)``; a hyphen
in a setting is an underscore in the file's name. A dotted name loads a module from outside.
Everything is synchronous; the web page runs it in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Embedded, Matches, Vectors
from rag.types import BlockKind, Chunk, Page, Passage, Place, Reading, Statement, Verdict

Rows = NDArray[np.int64]
"""Row numbers of chunks in an index, from 0."""

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total) while something long goes on; ``total`` is 0 where it is unknown."""


class Parser(Protocol):
    """Reads a PDF into pages of blocks in reading order."""

    name: str
    version: str

    def read(self, path: Path) -> list[Page]:
        """All pages, first to last. Raises ReadingError for a file that cannot be read."""
        ...


class Embedder(Protocol):
    """Turns texts into unit vectors whose inner product is their likeness, and their words too.

    ``name`` and ``fingerprint`` (a hash of the weights) tell whether an index was made with the
    same model. Texts longer than ``max_tokens`` are cut by the model: ``count_tokens`` lets the
    chunker see to it that none is.
    """

    name: str
    fingerprint: str
    dim: int
    max_tokens: int

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The word pieces of each text, special tokens included."""
        ...

    def embed_documents(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Embedded:
        """The texts in the order given; ``progress`` hears how many are done."""
        ...

    def embed_query(self, text: str) -> Embedded:
        """A question, as one text."""
        ...


class VectorStore(Protocol):
    """Holds vectors and finds the rows most like a query."""

    @property
    def kind(self) -> str:
        """In a word or two, how a store of its size searches once it is saved."""
        ...

    def __len__(self) -> int: ...

    def add(self, vectors: Vectors) -> None:
        """Append rows; the first ever added is row 0."""
        ...

    def search(self, query: Vectors, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        """The at most k best rows and their inner products, best first, among ``rows`` if given."""
        ...

    def save(self, folder: Path) -> None:
        """Write into an existing folder."""
        ...


class Ranker(Protocol):
    """Ranks the rows of an index for a question by one kind of evidence."""

    name: str

    def top(self, question: str, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        """The at most k best rows and their scores, best first, among ``rows`` if given."""
        ...


class Scorer(Protocol):
    """Scores rows that rankers have found, too slow or too choosy to search by itself."""

    name: str

    def scores(self, question: str, rows: Rows) -> Vectors:
        """A score for each row, in the order given; higher is better."""
        ...


class Matcher(Protocol):
    """Compares the words of passages with those of a question."""

    def matches(self, question: str, passages: Sequence[Passage]) -> list[Matches]:
        """How like the words of each passage's window are to the question's, in the order given."""
        ...


class Retriever(Protocol):
    """Finds the passages for a question."""

    name: str

    def retrieve(
        self, question: str, k: int, readings: frozenset[str] | None = None
    ) -> list[Passage]:
        """The at most k best passages, best first; ``readings`` limits the search beforehand."""
        ...


class Reranker(Protocol):
    """Judges texts by reading each together with the question: slower and finer than vectors."""

    name: str

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, in the order given; higher is better.

        Scores compare within one call only.
        """
        ...


class Library(Protocol):
    """What an index holds."""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The readings, in the order of the reading list."""
        ...

    def page(self, reading_id: str, number: int) -> Page:
        """One page. Raises ReadingError for an unknown reading or page."""
        ...

    def chunks(self, rows: Iterable[int]) -> list[Chunk]:
        """The chunks of these rows, in the order given."""
        ...

    def rows_of(self, readings: frozenset[str]) -> Rows:
        """The rows of these readings, ascending. Raises ReadingError for an unknown one."""
        ...

    def places(self, window_ids: Sequence[str]) -> list[Place]:
        """Where the chunks of these windows stand, in the order of their rows."""
        ...

    def rows_of_kind(self, kind: BlockKind) -> Rows:
        """The rows whose windows are of a kind, ascending."""
        ...

    def find(self, chunk_id: str) -> Chunk | None:
        """The chunk of this id, or None where there is none any more."""
        ...


class LLM(Protocol):
    """Writes an answer from a prompt: messages in, pieces of text out.

    ``messages`` are (role, content) with role system, user or assistant. A backend that cannot
    stream yields one piece. ``context_window`` counts the tokens of prompt and answer together.
    The ``load`` of a plug-in in ``rag/llms`` gets the settings and how rare a term is in the
    readings (0 … 1), and returns an LLM or a Quoter.
    """

    name: str
    context_window: int

    def count_tokens(self, text: str) -> int:
        """The tokens of a text, or rather more than it has."""
        ...

    def stream(self, messages: Sequence[tuple[str, str]]) -> Generator[str]:
        """The answer's pieces, as they come; empty ones give whoever waits a chance to leave.

        Closing it ends the request. Raises LLMError, whose message never holds a key.
        """
        ...


class Checker(Protocol):
    """Tells whether passages bear a sentence out."""

    def check(self, sentence: str, passages: Sequence[Passage]) -> Verdict:
        """The verdict over these passages, the first of equals first."""
        ...


@runtime_checkable
class Quoter(Protocol):
    """Answers in the passages' own words, without a prompt."""

    name: str

    def quote(self, question: str, passages: Sequence[Passage]) -> list[Statement]:
        """What answers the question, in the order to be read; empty where nothing does."""
        ...
