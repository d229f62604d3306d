"""Any address that speaks OpenAI's protocol: OpenAI, vLLM, LM Studio, llama.cpp's server …

``RAG_LLM_URL`` is the address up to ``/v1``; without it, OpenAI itself is asked.
"""

from __future__ import annotations

from typing import Any

from rag.errors import PluginError, SettingsError
from rag.llms.llama_bridge import Backend, LlamaBridge, watched_client
from rag.prompt import ANSWER_TOKENS
from rag.protocols import Matcher
from rag.settings import Settings, address, model_of, secret
from rag.terms import TermWeight

_OPENAI = "https://api.openai.com/v1"
_KEY = "OPENAI_API_KEY"
_WINDOW = 8192  # of a model that llama-index does not know; most servers give theirs this much


def load(settings: Settings, weight: TermWeight, matcher: Matcher) -> LlamaBridge:
    """The backend of the settings. Raises SettingsError for a model, address or key that is
    missing, and PluginError where the package is.
    """
    model = model_of(settings, "RAG_LLM_MODEL=gpt-4o-mini")
    url, host = address(settings.llm_url or _OPENAI)
    key = secret(_KEY)
    if not key and not settings.llm_url:
        raise SettingsError(f"OpenAI needs a key: set {_KEY}, or RAG_LLM_URL to a server of yours.")
    try:
        from llama_index.llms.openai_like import OpenAILike
    except ModuleNotFoundError as error:
        raise PluginError(
            "'openai' needs a package: pip install llama-index-llms-openai-like"
        ) from error
    window = _window(model)
    llm = OpenAILike(
        model=model,
        api_base=url,
        api_key=key or "none",
        is_chat_model=True,
        context_window=window or _WINDOW,
        max_tokens=ANSWER_TOKENS,
        max_retries=0,
        timeout=settings.llm_timeout,
        http_client=watched_client(),
    )
    backend = Backend(f"openai:{model}", host, _KEY, window or _WINDOW, _ended)
    return LlamaBridge(llm, backend, settings.llm_timeout, _tokens if window else None)


def _window(model: str) -> int:
    """The context window of a model of OpenAI's own, 0 for any other."""
    from llama_index.llms.openai.utils import openai_modelname_to_contextsize

    try:
        return int(openai_modelname_to_contextsize(model))
    except ValueError:
        return 0


def _tokens(text: str) -> int:
    """Tokens by the tokenizer that comes with llama-index; OpenAI's later ones need rather fewer."""
    from llama_index.core.utils import get_tokenizer

    return len(get_tokenizer()(text))


def _ended(raw: Any) -> str:  # noqa: ANN401 - OpenAI's type is there when the package is
    return str(raw.choices[0].finish_reason or "") if raw.choices else ""
