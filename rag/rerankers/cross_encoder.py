"""A cross-encoder of sentence-transformers, such as cross-encoder/ms-marco-MiniLM-L6-v2.

Loads PyTorch, which takes seconds, and asks a model hub where the model is no folder.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from rag.errors import PluginError
from rag.hub import model_name, open_model, valid_text
from rag.settings import Settings

_BATCH = 16


def load(settings: Settings) -> CrossEncoder:
    """The reranker of the model in ``settings.reranker``.

    Raises SettingsError if it names none, PluginError for one that cannot be used.
    """
    example = "RAG_RERANKER=cross-encoder:cross-encoder/ms-marco-MiniLM-L6-v2"
    return CrossEncoder(model_name(settings.reranker, example))


class CrossEncoder:
    """Reads question and text as one; what exceeds the model's length is cut. Threads may share it."""

    name = "cross-encoder"

    def __init__(self, model: str) -> None:
        self._model: Any = open_model("CrossEncoder", model)
        # The tokenizer's truncation is set call by call, in place: one thread at a time.
        self._lock = threading.Lock()
        if self._model.num_labels != 1:
            raise PluginError(
                f"{model} gives {self._model.num_labels} scores to a pair of texts and a reranker "
                "one: set RAG_RERANKER to a cross-encoder made for ranking."
            )

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """The model's logit for each text, in the order given; higher is better."""
        from torch.nn import Identity

        pairs = [(valid_text(question), valid_text(text)) for text in texts]
        with self._lock:
            # Not the sigmoid some models end with: it maps what is clearly better to the same 1.0.
            logits = self._model.predict(
                pairs, batch_size=_BATCH, activation_fn=Identity(), show_progress_bar=False
            )
        return [float(logit) for logit in logits]
