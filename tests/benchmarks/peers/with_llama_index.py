"""LlamaIndex: its quick start (chunks of 256 tokens, FAISS) and its hybrid recipe (BM25 beside it, the
two fused by rank).
"""

from __future__ import annotations

from typing import Any

import faiss
from llama_index.core import (
    Settings,
    SimpleDirectoryReader,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)
from llama_index.core.llms import MockLLM
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.faiss import FaissVectorStore
from peer import WANTED, Found, Retrieve, found, run, weights

Settings.embed_model = HuggingFaceEmbedding(weights(), device="cpu")
Settings.llm = MockLLM()  # the fusion wants one, and with one query never asks it
Settings.chunk_size, Settings.chunk_overlap = 256, 20


def build(recipe: str, folder: str, target: str) -> None:
    """Both recipes save the same: BM25 is made when the index is opened."""
    store = FaissVectorStore(faiss.IndexFlatIP(384))
    index = VectorStoreIndex.from_documents(
        SimpleDirectoryReader(folder).load_data(),
        storage_context=StorageContext.from_defaults(vector_store=store),
    )
    index.storage_context.persist(target)


def opened(recipe: str, target: str) -> Retrieve:
    """A retriever over the saved index."""
    context = StorageContext.from_defaults(
        vector_store=FaissVectorStore.from_persist_dir(target), persist_dir=target
    )
    index: Any = load_index_from_storage(context)
    retriever = index.as_retriever(similarity_top_k=WANTED)
    if recipe == "hybrid":
        from llama_index.core.retrievers import QueryFusionRetriever
        from llama_index.retrievers.bm25 import BM25Retriever

        lexical = BM25Retriever.from_defaults(docstore=index.docstore, similarity_top_k=WANTED)
        retriever = QueryFusionRetriever(
            [retriever, lexical],
            similarity_top_k=WANTED,
            num_queries=1,
            mode="reciprocal_rerank",
            use_async=False,
        )
    return lambda question: [_found(scored.node) for scored in retriever.retrieve(question)]


def _found(node: Any) -> Found:
    place = node.metadata
    return found(place["file_name"], int(place["page_label"]), node.get_content())


if __name__ == "__main__":
    run(build, opened)
