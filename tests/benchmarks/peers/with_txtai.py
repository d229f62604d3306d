"""txtai: an index of vectors with content, and its hybrid option. It leaves cutting to its user: pages
by pypdf, in parts of 200 words.
"""

from __future__ import annotations

from collections.abc import Iterator

from peer import WANTED, Found, Retrieve, found, pdfs, run, weights
from pypdf import PdfReader
from txtai import Embeddings

WORDS = 200


def build(recipe: str, folder: str, target: str) -> None:
    """Save an index; the hybrid one scores words as well."""
    index = Embeddings(path=weights(), content=True, hybrid=recipe == "hybrid")
    index.index(_parts(folder))
    index.save(target)


def opened(recipe: str, target: str) -> Retrieve:
    """Its SQL over the saved index."""
    index = Embeddings()
    index.load(target)
    wanted = f"select text, reading, page from txtai where similar(:asked) limit {WANTED}"

    def retrieve(question: str) -> list[Found]:
        rows = index.search(wanted, parameters={"asked": question})
        return [found(row["reading"], int(row["page"]), row["text"]) for row in rows]

    return retrieve


def _parts(folder: str) -> Iterator[dict[str, str | int]]:
    for path in pdfs(folder):
        for number, page in enumerate(PdfReader(path).pages, 1):
            words = page.extract_text().split()
            for start in range(0, len(words), WORDS):
                text = " ".join(words[start : start + WORDS])
                yield {"text": text, "reading": path.name, "page": number}


if __name__ == "__main__":
    run(build, opened)
