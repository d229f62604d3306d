"""Any model of sentence-transformers, such as BAAI/bge-small-en-v1.5.

Loads PyTorch, which takes seconds, and asks a model hub where the model is no folder.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.embedded import Embedded, Vectors
from rag.errors import PluginError
from rag.hub import model_name, open_model, valid_text
from rag.settings import Settings

_BATCH = 32
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


def load(settings: Settings) -> SentenceTransformer:
    """The embedder of the model in ``settings.embedder``.

    Raises SettingsError if it names none, PluginError for one that cannot be used.
    """
    example = "RAG_EMBEDDER=sentence-transformers:BAAI/bge-small-en-v1.5"
    return SentenceTransformer(model_name(settings.embedder, example))


class SentenceTransformer:
    """One model with the prompts of its own configuration; threads may share it."""

    def __init__(self, model: str) -> None:
        self._model: Any = open_model("SentenceTransformer", model)
        # The tokenizer's truncation is set call by call, in place: one thread at a time.
        self._lock = threading.Lock()
        # The library takes an empty "document" for the prompt where the model calls it "passage".
        prompts = self._model.prompts
        self._prompt = next((prompts[n] for n in _DOCUMENT_PROMPTS if prompts.get(n)), "")
        self.name = Path(model).resolve().name if Path(model).is_dir() else model
        self.dim = int(self._model.get_embedding_dimension())
        self.max_tokens = _max_tokens(self._model, model)
        self.fingerprint = _fingerprint(self._model, model, self._prompt)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The word pieces of each text, special tokens and the model's prompt included."""
        if not texts:
            return []
        with self._lock:
            found = self._model.tokenizer(
                [self._prompt + valid_text(text) for text in texts],
                truncation=False,
                padding=False,
                verbose=False,
            )
        return [len(ids) for ids in found["input_ids"]]

    def embed_documents(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Embedded:
        """Texts in the order given, without words; ``progress`` hears how many are done."""
        vectors: Vectors = np.zeros((len(texts), self.dim), np.float32)
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            batch = [valid_text(texts[row]) for row in rows]
            vectors[rows] = self._run(self._model.encode_document, batch, prompt=self._prompt)
            if progress is not None:
                progress(start + len(rows))
        return Embedded.without_words(vectors)

    def embed_query(self, text: str) -> Embedded:
        """A question behind the model's query prompt, without words."""
        return Embedded.without_words(self._run(self._model.encode_query, [valid_text(text)]))

    def _run(self, encode: Callable[..., Any], texts: list[str], **options: object) -> Vectors:
        with self._lock:
            rows = encode(texts, batch_size=_BATCH, show_progress_bar=False, **options)
        vectors = np.asarray(rows, np.float32)
        # Here and not by the model: one that computes in 16 bits gives rows that are not quite unit.
        unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit


def _max_tokens(opened: Any, model: str) -> int:  # noqa: ANN401 - a sentence-transformers model
    """The word pieces the model reads. Raises PluginError for one that does not say."""
    limit = opened.max_seq_length
    # Tokenizers without a limit say 10 to the 30th, static models infinity.
    if limit is None or not 0 < limit < 1_000_000:
        raise PluginError(
            f"{model} does not say how many tokens it reads: set max_seq_length in its folder, or "
            "set RAG_EMBEDDER to another model."
        )
    return int(limit)


def _fingerprint(opened: Any, model: str, prompt: str) -> str:  # noqa: ANN401
    """sha256 over the weights' files and the prompt of documents, which alter their vectors.

    Where the files cannot be found the weights in memory are hashed.
    """
    digest = hashlib.sha256(prompt.encode())
    files = _weight_files(_folder(model))
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    if not files:
        from torch import uint8

        for name, tensor in sorted(opened.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().flatten().view(uint8).numpy())
    return digest.hexdigest()


def _folder(model: str) -> Path | None:
    """Where the model's files are: its own folder, or the hub's copy on this machine."""
    from huggingface_hub import try_to_load_from_cache

    if Path(model).is_dir():
        return Path(model)
    try:
        found = try_to_load_from_cache(model, "config.json")
    except ValueError:  # a name that the hub does not know the form of
        return None
    return Path(found).parent if isinstance(found, str) else None


def _weight_files(folder: Path | None) -> list[Path]:
    """The files with weights in the folders of the model's modules, in the modules' order."""
    if folder is None:
        return []
    listed = folder / "modules.json"
    modules = json.loads(listed.read_text("utf-8")) if listed.exists() else [{"path": ""}]
    files = []
    for place in (folder / module["path"] for module in modules):
        # The hub often holds the same weights in the older format as well, which is not loaded.
        files += sorted(place.glob("*.safetensors")) or sorted(place.glob("pytorch_model*.bin"))
    return files
