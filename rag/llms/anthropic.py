"""Anthropic's models. The key comes from ANTHROPIC_API_KEY."""

from __future__ import annotations

from typing import Any

from rag.errors import PluginError, SettingsError
from rag.llms.llama_bridge import Backend, LlamaBridge, watched_client
from rag.prompt import ANSWER_TOKENS
from rag.protocols import Matcher
from rag.settings import Settings, address, model_of, secret
from rag.terms import TermWeight

_ANTHROPIC = "https://api.anthropic.com"
_KEY = "ANTHROPIC_API_KEY"


def load(settings: Settings, weight: TermWeight, matcher: Matcher) -> LlamaBridge:
    """The backend of the settings. Raises SettingsError for a model or key that is missing or
    unknown, and PluginError where the package is missing.
    """
    model = model_of(settings, "RAG_LLM_MODEL=claude-haiku-4-5")
    url, host = address(settings.llm_url or _ANTHROPIC)
    if not (key := secret(_KEY)):
        raise SettingsError(f"Anthropic needs a key: set {_KEY}.")
    try:
        from llama_index.llms.anthropic import Anthropic
    except ModuleNotFoundError as error:
        raise PluginError(
            "'anthropic' needs a package: pip install llama-index-llms-anthropic 'anthropic<1'"
        ) from error
    llm = Anthropic(
        model=model,
        base_url=url,
        api_key=key,
        max_tokens=ANSWER_TOKENS,
        max_retries=0,
        timeout=settings.llm_timeout,
    )
    # It takes no HTTP client of ours.
    llm._client = llm._client.with_options(http_client=watched_client())
    backend = Backend(f"anthropic:{model}", host, _KEY, _window(llm, model), _ended)
    return LlamaBridge(llm, backend, settings.llm_timeout)


def _window(llm: Any, model: str) -> int:  # noqa: ANN401 - llama-index is loaded above only
    """The model's context window. Raises SettingsError for a model llama-index has no entry for:
    it would refuse every question.
    """
    try:
        return int(llm.metadata.context_window)
    except ValueError:
        raise SettingsError(
            f"llama-index knows no model {model!r} of Anthropic: check RAG_LLM_MODEL, or run "
            "pip install -U llama-index-llms-anthropic 'anthropic<1'"
        ) from None


def _ended(raw: Any) -> str:  # noqa: ANN401 - the fields of one of Anthropic's events
    return str(getattr(raw.get("delta"), "stop_reason", None) or "")
