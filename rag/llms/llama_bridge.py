"""llama-index's chat models behind our one method: limits, retries, hanging up, errors to act on.

The backend is read in a thread of its own. So a limit holds however a backend dawdles, and whoever
asked can leave at any time: the request's connection is then shut under the reading thread.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from rag.errors import LLMError

_HEARTBEAT = 0.5  # seconds until the one who waits gets an empty piece, and so a chance to leave
_WHOLE = 5  # a whole answer may take this many times as long as a silence
_TRIES = 4
_FIRST_WAIT = 0.5  # seconds before the second try; doubled before each further one
_BYTES_PER_TOKEN = 3  # English has about 4.5, code, formulas and other languages fewer


@dataclass(frozen=True, slots=True)
class Backend:
    """What a plug-in knows of its backend.

    name: how answers are signed, such as ``openai:gpt-4o-mini``
    host: where it is, as a message may say it
    key: the environment variable that holds its key, or "" where it needs none
    context_window: tokens of prompt and answer together
    ended: from a llama-index response's ``raw`` to the backend's reason for ending there, "" where
        it goes on; None for a backend that gives no reasons, whose cut answers nobody can notice
    """

    name: str
    host: str
    key: str
    context_window: int
    ended: Callable[[Any], str] | None = None


class LlamaBridge:
    """A llama-index LLM as ours; threads may share it.

    ``seconds`` is how long it may be silent. ``tokens`` counts a text's tokens with the model's
    own tokenizer; without one they are estimated on the safe side.
    """

    def __init__(
        self,
        llm: Any,  # noqa: ANN401 - llama-index is loaded by the plug-ins only
        backend: Backend,
        seconds: float,
        tokens: Callable[[str], int] | None = None,
    ) -> None:
        self.name = backend.name
        self.context_window = backend.context_window
        self._llm = llm
        self._backend = backend
        self._seconds = seconds
        self._tokens = tokens

    def count_tokens(self, text: str) -> int:
        """The tokens of a text, or rather more than it has."""
        if self._tokens:
            return self._tokens(text)
        return len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN + 1

    def stream(self, messages: Sequence[tuple[str, str]]) -> Generator[str]:
        """The answer's pieces as they come; an empty one at least every half second.

        Closing it closes the request. Raises LLMError.
        """
        line = _Line()
        out: queue.SimpleQueue[str | LLMError | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, args=(messages, line, out.put), daemon=True).start()
        try:
            yield from self._received(out)
        finally:
            line.hang_up()

    def _received(self, out: queue.SimpleQueue[str | LLMError | None]) -> Generator[str]:
        started = heard = time.monotonic()
        while True:
            try:
                piece = out.get(timeout=min(_HEARTBEAT, self._seconds))
            except queue.Empty:
                piece = ""
            else:
                heard = time.monotonic()
            if piece is None:
                return
            if isinstance(piece, LLMError):
                raise piece
            now = time.monotonic()
            if now - heard >= self._seconds:
                raise self._silent()
            if now - started >= self._seconds * _WHOLE:
                raise LLMError(
                    f"{self.name} did not end its answer within {self._seconds * _WHOLE:g} "
                    "seconds: raise RAG_LLM_TIMEOUT or choose a quicker model."
                )
            yield piece

    def _work(
        self,
        messages: Sequence[tuple[str, str]],
        line: _Line,
        put: Callable[[str | LLMError | None], None],
    ) -> None:
        """Read the answer, and leave no connection behind."""
        _LINE.set(line)
        try:
            self._try(messages, line, put)
        finally:
            line.close()

    def _try(
        self,
        messages: Sequence[tuple[str, str]],
        line: _Line,
        put: Callable[[str | LLMError | None], None],
    ) -> None:
        """Try again while nothing has come; the last item is None or why there is no answer."""
        for tried in range(1, _TRIES + 1):
            told = False
            try:
                for piece in self._pieces(messages, line):
                    told = True
                    put(piece)
            # Each SDK has errors of its own: this is the border where they end.
            except Exception as error:
                wait = None if told or tried == _TRIES else _wait(error, tried)
                if wait is None:
                    put(self._failure(error))
                    return
                if line.cut.wait(wait):
                    return
            else:
                put(None)
                return

    def _pieces(self, messages: Sequence[tuple[str, str]], line: _Line) -> Generator[str]:
        from llama_index.core.llms import ChatMessage

        said = [ChatMessage(role=role, content=content) for role, content in messages]
        reason = ""
        with contextlib.closing(self._llm.stream_chat(said)) as responses:
            for response in responses:
                if line.cut.is_set():
                    return
                if self._backend.ended:
                    reason = self._backend.ended(response.raw) or reason
                yield response.delta or ""
        if self._backend.ended:
            self._refuse_part(reason)

    def _refuse_part(self, reason: str) -> None:
        """Raise LLMError for an answer that is not whole."""
        if not reason:
            raise LLMError(f"The answer of {self.name} was cut on its way: ask again.")
        if reason in {"length", "max_tokens"}:
            raise LLMError(f"{self.name} reached its limit of tokens before its answer was whole.")
        if reason in {"content_filter", "refusal"}:
            raise LLMError(f"{self.name} refused to answer this.")

    def _silent(self) -> LLMError:
        return LLMError(
            f"{self.name} said nothing for {self._seconds:g} seconds: see whether "
            f"{self._backend.host} is busy, or raise RAG_LLM_TIMEOUT."
        )

    def _failure(self, error: Exception) -> LLMError:
        """What went wrong in our words only: the backend's may repeat a part of the key."""
        if isinstance(error, LLMError):
            return error
        host = self._backend.host
        if isinstance(status := getattr(error, "status_code", None), int) and status >= 400:
            return LLMError(f"{host} {self._said(status)}")
        kinds = {kind.__name__ for cause in _causes(error) for kind in type(cause).__mro__}
        if kinds & {"TimeoutException", "APITimeoutError", "TimeoutError"}:
            return self._silent()
        if kinds & {"ConnectError", "ConnectionRefusedError"} or type(error) is ConnectionError:
            return LLMError(f"{host} cannot be reached: see that it runs, and check RAG_LLM_URL.")
        if kinds & {"TransportError", "APIConnectionError", "OSError"}:
            return LLMError(f"The answer of {self.name} was cut on its way: ask again.")
        if "ValueError" in kinds:
            return LLMError(f"{host} sent what is no answer of a chat model: check RAG_LLM_URL.")
        return LLMError(
            f"{self.name} failed ({type(error).__name__}): see that its package is the one that "
            "Reading Room asks for."
        )

    def _said(self, status: int) -> str:
        """What a status of HTTP means for the one who set the backend up."""
        key = self._backend.key or "its settings"
        meanings = {
            401: f"did not accept the key (401): check {key}.",
            403: f"does not allow this with the key (403): check {key}.",
            404: "knows no such model or address (404): check RAG_LLM_MODEL and RAG_LLM_URL.",
            413: "found the prompt too long (413): set RAG_PASSAGES lower.",
            429: "has no room for more requests now, or the quota is used up (429): wait, or see "
            "your account there.",
        }
        if status >= 500:
            return f"is out of order ({status}): ask again later."
        return meanings.get(
            status, f"did not accept the request ({status}): check RAG_LLM_MODEL and RAG_PASSAGES."
        )


def watched_hooks() -> dict[str, list[Callable[[Any], None]]]:
    """Event hooks for a client of httpx, which make its requests such that they
    can be hung up. The client must keep no connection alive.
    """

    def watch(request: Any) -> None:  # noqa: ANN401 - httpx is slow to load, and here need not be
        if line := _LINE.get():
            request.extensions = {**request.extensions, "trace": line.traced}

    return {"request": [watch]}


def watched_client() -> Any:  # noqa: ANN401 - httpx is slow to load, and here need not be
    """A client of httpx whose requests can be hung up."""
    import httpx

    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(limits=limits, event_hooks=watched_hooks())


class _Line:
    """One request's connection, to be shut from another thread."""

    def __init__(self) -> None:
        self.cut = threading.Event()
        self._sockets: list[socket.socket] = []

    def traced(self, event: str, info: dict[str, Any]) -> None:
        """Told by the HTTP client what it does (its "trace" extension)."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.cut.is_set():
                self.hang_up()

    def hang_up(self) -> None:
        """End the request, whether or not someone is reading from it."""
        self.cut.set()
        for connection in self._sockets:
            # The plain method: that of TLS takes its state from under the one who reads.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back; for the one who read from it, once that is done."""
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.close()


_LINE: ContextVar[_Line | None] = ContextVar("line", default=None)


def _wait(error: Exception, tried: int) -> float | None:
    """Seconds until the next try, or None where another would fare no better."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or not (status == 429 or status >= 500):
        return None
    asked = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")
    backoff = _FIRST_WAIT * 2.0 ** (tried - 1)
    return max(backoff, float(asked)) if asked.isdecimal() else backoff


def _causes(error: BaseException) -> list[BaseException]:
    found = [error]
    while cause := found[-1].__cause__ or found[-1].__context__:
        found.append(cause)
    return found
