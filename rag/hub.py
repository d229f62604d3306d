"""Models of a model hub, by name or from a folder: what the plug-ins that load them share.

Only a plug-in that the settings name comes here: the default way to an answer asks no hub.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rag.errors import PluginError, SettingsError
from rag.settings import plugin_and_model

_HUB_SECONDS = 5
"""How long the hub may take to say whether it has a model, before this machine's copies serve."""


def model_name(setting: str, example: str) -> str:
    """The model that a setting names beside its plug-in. Raises SettingsError if it names none."""
    plugin, model = plugin_and_model(setting)
    if not model:
        raise SettingsError(
            f"{plugin!r} needs a model, by its name on the model hub or its folder: {example}"
        )
    return model


def open_model(kind: str, model: str) -> Any:  # noqa: ANN401 - sentence-transformers is optional
    """A model of sentence-transformers; ``kind`` is the name of its class there.

    Code that comes with a model is never run. Raises PluginError for a model that is not to be had.
    """
    try:
        import sentence_transformers
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        raise PluginError(
            f"The model {model!r} needs a package: pip install sentence-transformers"
        ) from error
    # The bar over the reading of a file, that is; a download still shows its own.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    here = Path(model).is_dir()
    try:
        # A missing network costs the library over a minute of retries: one request asks beforehand.
        local = here or not _hub_has(model)
        return getattr(sentence_transformers, kind)(model, local_files_only=local)
    # PyTorch, transformers, safetensors and the hub's client each have errors of their own.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise PluginError(
            f"The folder {model} holds no model that can be used ({reason}): save one there with "
            "sentence-transformers, or name another."
            if here
            else f"The model {model!r} is neither on this machine nor to be had from the model hub "
            f"({reason}): check its name and the network, or name a folder that holds it."
        ) from error


def valid_text(text: str) -> str:
    """The text with lone surrogates replaced: broken PDFs have them and tokenizers reject them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _hub_has(model: str) -> bool:
    """Whether the hub can be reached and knows the model."""
    import huggingface_hub

    try:
        huggingface_hub.model_info(model, timeout=_HUB_SECONDS)
    except Exception:  # whatever the reason, the copies on this machine remain
        return False
    return True
