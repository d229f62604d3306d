"""What the one who runs Reading Room can choose: default < RAG_<FIELD> < argument.

The only module that reads the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rag.errors import SettingsError

_RANGES = {
    "port": (0, 65535),
    "llm_timeout": (1, 3600),
    "log_days": (1, 3650),
    "mcp": (0, 1),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One value per setting; ``Settings.load()`` reads the environment.

    corpus: folders with PDFs, separated by the platform's path separator
    index: the folder where the index lives
    parser, embedder, store, llm: the plug-in's name (a file of its folder, or a dotted module)
    retriever: how passages are found
    reranker: what reads the first passages again and orders them; empty for nothing

    A plug-in that can run several models is set as ``plugin:model``, see ``plugin_and_model``.
    llm_model, llm_url: which model the llm is asked for, and where; empty for the plug-in's own
    llm_timeout: for how many seconds an llm may be silent
    llms: other llms that the page offers, separated by commas
    passages: how many passages an answer may rest on
    host, port: where the page is served
    log: where questions are kept, a file or a database's URL; empty for nowhere
    log_days: for how many days they are kept
    log_smallest: groups of fewer askers are not shown one by one
    mcp: 1 to offer the page's API as MCP tools, too
    """

    corpus: str = "corpus"
    index: str = ".rag/index"
    parser: str = "liteparse"
    embedder: str = "minilm"
    store: str = "faiss"
    retriever: str = "hybrid"
    reranker: str = ""
    llm: str = "extractive"
    llm_model: str = ""
    llm_url: str = ""
    llm_timeout: int = 60
    llms: str = ""
    passages: int = 8
    host: str = "127.0.0.1"
    port: int = 7860
    log: str = ""
    log_days: int = 180
    log_smallest: int = 3
    mcp: int = 0

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **arguments: object) -> Settings:
        """Settings from the environment, then from the arguments that are not None.

        Raises SettingsError for a number that is none, or an unknown argument.
        """
        environ = os.environ if environ is None else environ
        names = {field.name for field in fields(cls)}
        given: dict[str, object] = {
            name: environ[f"RAG_{name.upper()}"]
            for name in names
            if environ.get(f"RAG_{name.upper()}", "").strip()
        }
        given |= {name: value for name, value in arguments.items() if value is not None}
        if unknown := sorted(set(given) - names):
            raise SettingsError(f"There is no setting called {unknown[0]!r}.")
        typed: dict[str, Any] = {name: _typed(name, value) for name, value in given.items()}
        return replace(cls(), **typed)

    @property
    def corpus_folders(self) -> tuple[Path, ...]:
        """The folders with PDFs, in the order given."""
        return tuple(Path(part) for part in self.corpus.split(os.pathsep) if part.strip())

    @property
    def other_llms(self) -> tuple[str, ...]:
        """The LLMs besides ``llm`` that the page offers; the one that needs nobody among them."""
        offered = [name.strip() for name in self.llms.split(",")] + ["extractive"] * bool(self.llms)
        return tuple(name for name in dict.fromkeys(offered) if name and name != self.llm)

    @property
    def index_folder(self) -> Path:
        """The folder where the index lives."""
        return Path(self.index)


def plugin_and_model(setting: str) -> tuple[str, str]:
    """The plug-in and the model, "" for none, that a setting names.

    ``plugin:model``; without a colon, a model hub's ``organisation/model`` belongs to the plug-in
    that is called like the organisation: ``cross-encoder/x`` is ``cross-encoder:cross-encoder/x``.
    """
    name, colon, model = setting.partition(":")
    if colon:
        return name, model
    organisation, slash, _ = setting.partition("/")
    return organisation, setting if slash else ""


def model_of(settings: Settings, example: str) -> str:
    """The model that an LLM's plug-in is to ask for: ``plugin:model``, or ``llm_model``.

    Raises SettingsError where neither names one.
    """
    plugin, model = plugin_and_model(settings.llm)
    if not (model or settings.llm_model):
        raise SettingsError(f"{plugin!r} needs a model: {example}, or RAG_LLM={plugin}:…")
    return model or settings.llm_model


def address(url: str) -> tuple[str, str]:
    """A backend's address, and its host and port, which may be shown.

    Raises SettingsError for what is no address; it is not repeated, since it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in {"http", "https"}:
        raise SettingsError("RAG_LLM_URL must be an address such as http://127.0.0.1:8000/v1.")
    return url.rstrip("/"), f"{host}:{port}" if port else host


def secret(variable: str) -> str:
    """A provider's key from its own variable, "" for none: asked for when needed, kept nowhere."""
    return os.environ.get(variable, "").strip()


def instructor_password() -> str:
    """What opens the instructor's view, "" where there is to be none.

    Only from RAG_INSTRUCTOR_PASSWORD: it is no field, so that no settings can show or carry it.
    """
    return secret("RAG_INSTRUCTOR_PASSWORD")


def _typed(name: str, value: object) -> object:
    """The value as the setting's type: text becomes a number where the default is one."""
    if not isinstance(getattr(Settings(), name), int):
        return str(value)
    try:
        number = int(str(value))
    except ValueError:
        raise SettingsError(f"RAG_{name.upper()} must be a whole number, not {value!r}.") from None
    low, high = _RANGES.get(name, (1, 100))
    if not low <= number <= high:
        raise SettingsError(f"RAG_{name.upper()} must lie between {low} and {high}, not {number}.")
    return number
