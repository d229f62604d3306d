"""An index made of readings that are text files, with an embedder that hashes words."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rag import abbreviations
from rag.embedded import Embedded
from rag.library.builds import BuildReport, build
from rag.library.index import Index
from rag.library.recipe import Parts, Recipe
from rag.stores import faiss as faiss_store
from rag.types import Block, Box, Cell, Cells, Chunk, Page, Reading, Span, Spans, Window

RECIPE = Recipe("text 1", "words", 64, "f00", "paragraphs 1", "faiss", "lines 1")
ATTENTION = """# Attention
Attention weighs every token of the input.

The model has eight heads — and a “d_model” of 512.\f# Results
Table rows are hard to find: 28.4 BLEU.\f"""
CODE = """# Data
We collect permissively licensed source code from GitHub.

Developers may opt out of the data set 😀."""


class WordEmbedder:
    """A bag of words, hashed: texts that share words are alike."""

    name = "words"
    fingerprint = "f00"
    dim = 64
    max_tokens = 40

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) + 2 for text in texts]

    def embed_documents(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Embedded:
        parts = [self.embed_query(text) for text in texts]
        if progress:
            progress(len(texts))
        return Embedded.joined(parts)

    def embed_query(self, text: str) -> Embedded:
        places = [
            hashlib.sha256(word.encode("utf-8", "replace")).digest()[0] % self.dim
            for word in text.lower().split()
        ]
        words = np.zeros((len(places), self.dim), np.int8)
        words[np.arange(len(places)), places] = 127
        vector = words.sum(axis=0, dtype=np.float32)
        return Embedded(
            np.asarray(vector[np.newaxis] / (np.linalg.norm(vector) or 1), dtype=np.float32),
            words,
            np.array([match.start() for match in re.finditer(r"\S+", text)], np.int32),
            np.array([len(words)]),
        )


def write_reading(path: Path, text: str, **changes: object) -> Reading:
    path.write_text(text, "utf-8")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    plain = Reading(
        path.stem, path.stem.title(), ("A. Author",), 2024, "https://x", "CC", "paper", sha256, path
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def words_of(text: str, page: int, line: int) -> tuple[Span, ...]:
    spans, start = [], 0
    for word in text.split():
        start = text.index(word, start)
        x = round(72 + 5.33 * start, 2)
        box = Box(page, x, 10.07 * line, round(x + 5.33 * len(word), 2), 10.07 * (line + 1))
        box = replace(box, y0=round(box.y0, 2), y1=round(box.y1, 2))
        spans.append(Span(start, start + len(word), box))
        start += len(word)
    return tuple(spans)


def parse(reading: Reading) -> list[Page]:
    """Pages end at a form feed, blocks at an empty line; a line that starts with # is a heading."""
    pages = []
    for number, text in enumerate(reading.path.read_text("utf-8").split("\f"), 1):
        lines = [line for line in text.splitlines() if line.strip()]
        blocks = tuple(
            Block("heading", line[2:], words_of(line[2:], number, i), level=1)
            if line.startswith("# ")
            else Block("table", line, words_of(line, number, i), 2, i, (Cell(0, i, f"“{i}”"),))
            for i, line in enumerate(lines)
        )
        pages.append(Page(number, f"{number - 1:x}", 595.2756, 841.89, blocks))
    return pages


def chunk(reading: Reading, pages: Sequence[Page]) -> list[Chunk]:
    chunks, section = [], ""
    for page in pages:
        for i, block in enumerate(page.blocks):
            if block.kind == "heading":
                section = block.text
                continue
            place = f"{reading.reading_id} {page.number} {i} {block.text}"
            chunk_id = hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:16]
            window = Window(
                f"w{chunk_id}",
                (reading.title, section),
                block.kind,
                block.text,
                Spans.of(block.spans),
                Cells.of(block.cells),
            )
            chunks.append(Chunk(chunk_id, reading, window, 0, len(block.text), f"caption {i}"))
    return chunks


def with_spans(one: Chunk, spans: Iterable[Span]) -> Chunk:
    """The chunk with its words elsewhere on the page."""
    return replace(one, window=replace(one.window, spans=Spans.of(spans)))


def write_lines(texts: Sequence[str], folder: Path) -> None:
    (folder / "lexical").mkdir()
    (folder / "lexical" / "lines.json").write_text(json.dumps(list(texts)))


@dataclass
class Workshop:
    """Real parts that remember what they were asked for."""

    parsed: list[str] = field(default_factory=list)
    loaded: int = 0
    embedded: list[str] = field(default_factory=list)
    stages: list[tuple[str, int, int]] = field(default_factory=list)

    def parts(self) -> Parts:
        return Parts(
            self.parse,
            chunk,
            lambda chunk: f"{chunk.reading.title} {chunk.window.section[-1]}: {chunk.text}",
            self.embedder,
            lambda: faiss_store.new(64),
            write_lines,
            abbreviations.write,
        )

    def parse(self, reading: Reading) -> list[Page]:
        self.parsed.append(reading.reading_id)
        return parse(reading)

    def embedder(self) -> WordEmbedder:
        self.loaded += 1
        workshop = self

        class Listening(WordEmbedder):
            def embed_documents(
                self, texts: Sequence[str], progress: Callable[[int], None] | None = None
            ) -> Embedded:
                workshop.embedded.extend(texts)
                return super().embed_documents(texts, progress)

        return Listening()

    def progress(self, stage: str, done: int, total: int) -> None:
        self.stages.append((stage, done, total))

    def build(self, folder: Path, readings: Sequence[Reading], wait: float = 5) -> BuildReport:
        return build(folder, RECIPE, readings, self.parts(), self.progress, wait)


def search_texts(readings: Sequence[Reading]) -> list[str]:
    search_text = Workshop().parts().search_text
    return [search_text(c) for r in readings for c in chunk(r, parse(r))]


def check_consistent(index: Index, readings: Sequence[Reading]) -> None:
    """Every part of an index says the same, and that is what these readings hold."""
    expected = [c for reading in readings for c in chunk(reading, parse(reading))]
    assert index.readings == tuple(readings)
    assert len(index) == len(expected)
    assert index.chunks(range(len(index))) == expected
    texts = search_texts(readings)
    embedded = WordEmbedder().embed_documents(texts)
    assert np.array_equal(index.embedded().vectors, embedded.vectors)
    assert np.array_equal(index.embedded().words, embedded.words)
    assert np.array_equal(index.embedded().starts, embedded.starts)
    assert np.array_equal(index.embedded().ends, embedded.ends)
    store = faiss_store.open_store(index.folder)
    assert len(store) == len(expected)
    for row, vector in enumerate(index.embedded().vectors):
        assert row in store.search(np.asarray(vector), 2)[0]
    assert json.loads((index.folder / "lexical" / "lines.json").read_text()) == texts
    for reading in readings:
        for page in parse(reading):
            assert index.page(reading.reading_id, page.number) == page


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its bytes and the moment it was written, in nanoseconds."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(p): (hash(p.read_bytes()), p.stat().st_mtime_ns) for p in files}


def with_parse(parse_: Callable[[Reading], Sequence[Page]]) -> Parts:
    return replace(Workshop().parts(), parse=parse_)
