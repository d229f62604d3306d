"""Makes rag/embedders/minilm_words.npy: the dimensions in which the words of papers vary most.

``python -m tests.benchmarks.word_projection FOLDER`` reads the PDFs of a folder, runs their chunks
through the model, and keeps the 96 leading eigenvectors of the second moment of 60,000 of their
words (no mean is taken off, so that inner products stay what they are). The seed is 0.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rag.chunking import chunk_pages, search_text
from rag.embedders.minilm import MiniLm, package_folder
from rag.parsers.liteparse import LiteparseParser
from rag.types import Reading

WIDTH, SAMPLE = 96, 60_000


def main(folder: Path, target: Path) -> None:
    """Write the projection, float32 of shape (384, 96)."""
    model = MiniLm(package_folder(), projection=np.eye(384, dtype=np.float32))
    texts = []
    for path in sorted(folder.glob("*.pdf")):
        reading = Reading(path.stem, path.stem, (), None, "", "", "paper", "", path)
        pages = LiteparseParser().read(path)
        texts += [search_text(c) for c in chunk_pages(reading, pages, model.count_tokens, 256)]
    chosen = np.random.default_rng(0).permutation(len(texts))[:1500]
    words = model.embed_documents([texts[i] for i in chosen]).words.astype(np.float32) / 127
    words = words[np.random.default_rng(0).permutation(len(words))[:SAMPLE]]
    values, directions = np.linalg.eigh(words.T @ words / len(words))
    projection = directions[:, ::-1][:, :WIDTH]
    kept = values[::-1][:WIDTH].sum() / values.sum()
    np.save(target, np.ascontiguousarray(projection, np.float32), allow_pickle=False)
    sys.stdout.write(f"{len(texts)} chunks, {len(words)} words, {kept:.1%} kept in {target}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path("rag/embedders/minilm_words.npy"))
