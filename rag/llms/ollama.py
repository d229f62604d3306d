"""Models that Ollama runs, on this machine unless ``RAG_LLM_URL`` says otherwise."""

from __future__ import annotations

from typing import Any

from rag.errors import PluginError
from rag.llms.llama_bridge import Backend, LlamaBridge, watched_hooks
from rag.prompt import ANSWER_TOKENS
from rag.protocols import Matcher
from rag.settings import Settings, address, model_of
from rag.terms import TermWeight

_HERE = "http://127.0.0.1:11434"
_WINDOW = 8192  # Ollama takes memory for as much as it is asked for, whatever the model can


def load(settings: Settings, weight: TermWeight, matcher: Matcher) -> LlamaBridge:
    """The backend of the settings. Raises SettingsError for a model that is missing, and
    PluginError where the package is.
    """
    model = model_of(settings, "RAG_LLM_MODEL=llama3.2")
    url, host = address(settings.llm_url or _HERE)
    try:
        import httpx
        from llama_index.llms.ollama import Ollama
        from ollama import Client
    except ModuleNotFoundError as error:
        raise PluginError(
            "'ollama' needs a package: pip install llama-index-llms-ollama"
        ) from error
    client = Client(
        host=url,
        timeout=settings.llm_timeout,
        limits=httpx.Limits(max_keepalive_connections=0),
        event_hooks=watched_hooks(),
    )
    llm = Ollama(
        model=model,
        base_url=url,
        request_timeout=settings.llm_timeout,
        context_window=_WINDOW,
        additional_kwargs={"num_predict": ANSWER_TOKENS},
        client=client,
    )
    backend = Backend(f"ollama:{model}", host, "", _WINDOW, _ended)
    return LlamaBridge(llm, backend, settings.llm_timeout)


def _ended(raw: Any) -> str:  # noqa: ANN401 - the fields of Ollama's response
    return str(raw.get("done_reason") or "stop") if raw.get("done") else ""
