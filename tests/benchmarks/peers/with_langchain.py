"""LangChain: its tutorial (pages cut into 1,000 characters, FAISS) and its hybrid recipe (an ensemble
with BM25, half and half).
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from langchain_community.document_loaders import PyPDFLoader
from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter
from peer import WANTED, Found, Retrieve, found, pdfs, run, weights

EMBEDDINGS = HuggingFaceEmbeddings(model_name=weights(), model_kwargs={"device": "cpu"})


def build(recipe: str, folder: str, target: str) -> None:
    """FAISS saves itself; BM25 has no saved form, so its texts are pickled."""
    pages = [page for path in pdfs(folder) for page in PyPDFLoader(str(path)).load()]
    parts = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(
        pages
    )
    FAISS.from_documents(parts, EMBEDDINGS).save_local(target)
    if recipe == "hybrid":
        Path(target, "parts.pickle").write_bytes(pickle.dumps(parts))


def opened(recipe: str, target: str) -> Retrieve:
    """A retriever over the saved index."""
    store = FAISS.load_local(target, EMBEDDINGS, allow_dangerous_deserialization=True)
    retriever: Any = store.as_retriever(search_kwargs={"k": WANTED})
    if recipe == "hybrid":
        from langchain_classic.retrievers import EnsembleRetriever
        from langchain_community.retrievers import BM25Retriever

        # Our own file of a moment ago.
        parts = pickle.loads(Path(target, "parts.pickle").read_bytes())
        lexical = BM25Retriever.from_documents(parts, k=WANTED)
        retriever = EnsembleRetriever(retrievers=[lexical, retriever], weights=[0.5, 0.5])
    return lambda question: [_found(part) for part in retriever.invoke(question)[:WANTED]]


def _found(part: Any) -> Found:
    return found(part.metadata["source"], part.metadata["page"] + 1, part.page_content)


if __name__ == "__main__":
    run(build, opened)
