"""Any other LLM that llama-index integrates, by the dotted name of its class.

``RAG_LLM=llama_index:llama_index.llms.groq.Groq`` with the model in ``RAG_LLM_MODEL``, or the class
itself there where it needs no model. Its key comes from the variable that the class reads by itself.
A class that takes no HTTP client of ours ends a request that was left by its own timeout only.
"""

from __future__ import annotations

import importlib
from typing import Any

from rag.errors import PluginError, SettingsError
from rag.llms.llama_bridge import Backend, LlamaBridge, watched_client
from rag.protocols import Matcher
from rag.settings import Settings, address, plugin_and_model
from rag.terms import TermWeight

_WINDOW = 8192


def load(settings: Settings, weight: TermWeight, matcher: Matcher) -> LlamaBridge:
    """The backend of the settings.

    Raises SettingsError where they name no class, and PluginError for one that cannot be used.
    """
    named = plugin_and_model(settings.llm)[1]
    dotted, model = (named, settings.llm_model) if named else (settings.llm_model, "")
    made = _class(dotted)
    url, host = address(settings.llm_url) if settings.llm_url else ("", made.__name__)
    offered = {
        "model": model,
        "api_base": url,
        "base_url": url,
        "timeout": settings.llm_timeout,
        "request_timeout": settings.llm_timeout,
    }
    given = {name: value for name, value in offered.items() if value and name in made.model_fields}
    if "max_retries" in made.model_fields:
        given["max_retries"] = 0  # the bridge tries again
    if _takes_client(made):
        given["http_client"] = watched_client()
    try:
        llm = made(**given)
    # Each integration has errors of its own, and their words may hold a key.
    except Exception as error:
        raise PluginError(
            f"{dotted} cannot be set up ({type(error).__name__}): check its key's variable, "
            "RAG_LLM_MODEL and RAG_LLM_URL."
        ) from None
    name = f"{made.__name__}:{model}" if model else made.__name__
    backend = Backend(name, host, "the key's variable", _window(llm))
    return LlamaBridge(llm, backend, settings.llm_timeout)


def _class(dotted: str) -> Any:  # noqa: ANN401 - llama-index is loaded here only
    """The class of that name. Raises SettingsError for no name, PluginError for a wrong one."""
    module, dot, name = dotted.rpartition(".")
    if not dot:
        raise SettingsError(
            "'llama_index' needs a class by its dotted name: "
            "RAG_LLM=llama_index:llama_index.llms.groq.Groq"
        )
    from llama_index.core.llms import LLM

    try:
        made = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        package = "-".join(module.split(".")[:3]).replace("_", "-")
        raise PluginError(
            f"{dotted} is not installed: pip install {package}, or what provides it."
        ) from error
    if not (isinstance(made, type) and issubclass(made, LLM)):
        raise PluginError(f"{dotted} is no LLM of llama-index: name a class such as …groq.Groq.")
    return made


def _takes_client(made: type) -> bool:
    """Whether a class, or one that it is made from, is set up with a client of httpx."""
    setups = (vars(kind).get("__init__") for kind in made.__mro__)
    clients = (getattr(setup, "__annotations__", {}).get("http_client") for setup in setups)
    return any("httpx.Client" in str(client) for client in clients)


def _window(llm: Any) -> int:  # noqa: ANN401 - llama-index is loaded above only
    """The context window as the integration tells it; some know that of their own models only."""
    try:
        return int(llm.metadata.context_window)
    except Exception:
        return _WINDOW
