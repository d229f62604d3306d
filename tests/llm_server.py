"""A server on loopback that speaks the streaming protocols of OpenAI, Anthropic and Ollama, and
misbehaves on demand.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["Handler"], None]


@dataclass
class LLMServer:
    """Gives its replies in order, the last one again and again, and remembers what it was sent."""

    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests.clear()
        self.headers.clear()
        self.hung_up.clear()


class Handler(BaseHTTPRequestHandler):
    room: LLMServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.room.requests.append(json.loads(sent))
        self.room.headers.append({name.lower(): value for name, value in self.headers.items()})
        replies = self.room.replies
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        try:
            reply(self)
        except OSError:
            self.room.hung_up.set()
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass

    @property
    def dialect(self) -> str:
        if self.path.endswith("/chat/completions"):
            return "openai"
        return "anthropic" if self.path.endswith("/messages") else "ollama"

    def begin(self) -> None:
        self.send_response(200)
        kind = "application/x-ndjson" if self.dialect == "ollama" else "text/event-stream"
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text: str) -> None:
        raw = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        self.wfile.flush()

    def event(self, value: dict[str, Any]) -> None:
        line = json.dumps(value)
        if self.dialect == "ollama":
            self.chunk(f"{line}\n")
        elif self.dialect == "anthropic":
            self.chunk(f"event: {value['type']}\ndata: {line}\n\n")
        else:
            self.chunk(f"data: {line}\n\n")

    def open_answer(self) -> None:
        if self.dialect != "anthropic":
            return
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        self.event({"type": "message_start", "message": message})
        block = {"type": "text", "text": ""}
        self.event({"type": "content_block_start", "index": 0, "content_block": block})

    def piece(self, text: str) -> None:
        if self.dialect == "openai":
            self.event(_openai({"content": text}, None))
        elif self.dialect == "anthropic":
            delta = {"type": "text_delta", "text": text}
            self.event({"type": "content_block_delta", "index": 0, "delta": delta})
        else:
            self.event(_ollama(text))

    def end_answer(self, reason: str) -> None:
        if self.dialect == "openai":
            self.event(_openai({}, {"stop": "stop", "limit": "length"}[reason]))
            self.chunk("data: [DONE]\n\n")
        elif self.dialect == "anthropic":
            stop = {"stop": "end_turn", "limit": "max_tokens"}[reason]
            self.event({"type": "content_block_stop", "index": 0})
            delta = {"stop_reason": stop, "stop_sequence": None}
            usage = {"output_tokens": 1}
            self.event({"type": "message_delta", "delta": delta, "usage": usage})
            self.event({"type": "message_stop"})
        else:
            done = {"stop": "stop", "limit": "length"}[reason]
            self.event(_ollama("") | {"done": True, "done_reason": done})
        self.chunk("")


def _openai(delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {
        "id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m",
        "choices": [choice],
    }  # fmt: skip


def _ollama(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False}


def answer(pieces: Iterable[str], reason: str = "stop", pause: float = 0) -> Reply:
    """A whole answer, unless ``reason`` is "limit"."""
    pieces = list(pieces)

    def reply(handler: Handler) -> None:
        handler.begin()
        handler.open_answer()
        for piece in pieces:
            handler.piece(piece)
            time.sleep(pause)
        handler.end_answer(reason)

    return reply


def status(code: int, **headers: str) -> Reply:
    """A refusal whose body repeats a part of the key, as OpenAI's does."""

    def reply(handler: Handler) -> None:
        error = {"type": "error", "message": "Incorrect API key provided: sk-secret"}
        body = json.dumps({"type": "error", "error": error}).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def silence(pieces: Iterable[str] = (), *, headers: bool = True) -> Reply:
    """Some pieces, or not even headers, and then nothing until the other side hangs up."""

    def reply(handler: Handler) -> None:
        if headers:
            handler.begin()
            handler.open_answer()
        for piece in pieces:
            handler.piece(piece)
        handler.connection.settimeout(20)
        try:
            if not handler.connection.recv(1):
                handler.room.hung_up.set()
        except ConnectionError:
            handler.room.hung_up.set()

    return reply


def cut(pieces: Iterable[str], *, politely: bool) -> Reply:
    """Some pieces, then the end of the connection, or of the stream without the answer's."""

    def reply(handler: Handler) -> None:
        handler.begin()
        handler.open_answer()
        for piece in pieces:
            handler.piece(piece)
        if politely:
            handler.chunk("")
        else:
            handler.connection.shutdown(socket.SHUT_RDWR)

    return reply


def malformed(pieces: Iterable[str] = ()) -> Reply:
    """Some pieces, then half an object."""

    def reply(handler: Handler) -> None:
        handler.begin()
        handler.open_answer()
        for piece in pieces:
            handler.piece(piece)
        handler.chunk(
            '{"message": {"con\n'
            if handler.dialect == "ollama"
            else 'event: content_block_delta\ndata: {"choices": [{"del\n\n'
        )
        handler.chunk("")

    return reply


@contextmanager
def serving() -> Iterator[LLMServer]:
    room = LLMServer()
    handler = type("RoomHandler", (Handler,), {"room": room})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    room.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield room
    server.shutdown()
    thread.join()
    server.server_close()
