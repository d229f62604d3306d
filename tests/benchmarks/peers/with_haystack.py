"""Haystack: its first pipeline (parts of 200 words, in memory and on disk) and its hybrid recipe (BM25
beside it, the two joined by rank).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from peer import WANTED, Found, Retrieve, found, pdfs, run, weights


def build(recipe: str, folder: str, target: str) -> None:
    """Both recipes save the same store."""
    from haystack.components.converters import PyPDFToDocument
    from haystack.components.preprocessors import DocumentSplitter

    pages = PyPDFToDocument().run(sources=list(pdfs(folder)))["documents"]
    parts = DocumentSplitter(split_by="word", split_length=200).run(documents=pages)["documents"]
    embedder = SentenceTransformersDocumentEmbedder(model=weights(), progress_bar=False)
    embedder.warm_up()
    store = InMemoryDocumentStore()
    store.write_documents(embedder.run(documents=parts)["documents"])
    Path(target).mkdir(parents=True, exist_ok=True)
    store.save_to_disk(str(Path(target, "store.json")))


def opened(recipe: str, target: str) -> Retrieve:
    """Its components, called as its pipeline calls them."""
    store = InMemoryDocumentStore.load_from_disk(str(Path(target, "store.json")))
    embedder = SentenceTransformersTextEmbedder(model=weights(), progress_bar=False)
    embedder.warm_up()
    dense = InMemoryEmbeddingRetriever(store, top_k=WANTED)
    lexical = InMemoryBM25Retriever(store, top_k=WANTED)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=WANTED)

    def retrieve(question: str) -> list[Found]:
        vector = embedder.run(text=question)["embedding"]
        parts = dense.run(query_embedding=vector)["documents"]
        if recipe == "hybrid":
            words = lexical.run(query=question)["documents"]
            parts = joiner.run(documents=[parts, words])["documents"]
        return [_found(part) for part in parts]

    return retrieve


def _found(part: Any) -> Found:
    return found(part.meta["file_path"], part.meta["page_number"], part.content)


if __name__ == "__main__":
    run(build, opened)
