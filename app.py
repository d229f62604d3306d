"""Starts the web page: settings in, launch out."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from rag import console
from rag.assembly import (
    build_beside,
    build_index,
    build_name,
    left_out,
    open_checker,
    open_engine,
    open_log,
    open_surveyor,
)
from rag.log import Log
from rag.settings import Settings, instructor_password
from rag.trial import SHOWN

if TYPE_CHECKING:
    from fastapi import APIRouter

    from rag.engine import Engine
    from rag.web.room import Opened, Room


def main(argv: list[str] | None = None) -> int:
    """Serve the page until it is stopped; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python app.py", description="Serve the Reading Room.")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (default 7860)")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    return console.run(lambda: _serve(arguments.host, arguments.port))


def _serve(host: str | None, port: str | None) -> int:
    settings = console.load_settings(host=host, port=port)
    if not _is_free(settings.host, settings.port):
        console.say(
            f"Something else listens on {settings.host}:{settings.port}: choose another --port."
        )
        return console.FAILED
    # Gradio takes seconds to load: a wrong setting is said before that.
    from rag.web.page import build, serve
    from rag.web.room import Room
    from rag.web.uploads import Uploads

    log = open_log(settings)
    room = Room(
        lambda: open_checker(settings),
        lambda progress: build_index(settings, progress, console.say),
        lambda: build_name(settings),
        lambda: left_out(settings),
        settings.llm,
        _others(settings),
    )
    uploads = Uploads(
        room,
        partial(build_beside, settings),
        lambda folder: _opened(replace(settings, index=str(folder))),
    )
    room.start()
    address = f"http://{settings.host}:{settings.port}"
    console.say(f"Reading Room: {address} (Ctrl-C stops it)")
    instructor = _instructors_view(settings, room, log)
    if instructor is not None:
        console.say(f"For instructors: {address}/instructor")
    try:
        # Ended by a signal, it still removes what visitors have uploaded.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(console.DONE))
        with uploads:
            serve(
                build(room, log, uploads),
                room,
                settings.host,
                settings.port,
                mcp=bool(settings.mcp),
                instructor=instructor,
                uploads=uploads,
            )
    except OSError as error:
        console.say(f"{error} Choose another with --port.")
        return console.FAILED
    return console.DONE


def _instructors_view(settings: Settings, room: Room, log: Log) -> APIRouter | None:
    """The instructor's addresses; None without a password, which opens them."""
    from rag.web.door import Door
    from rag.web.instructor import instructor_routes
    from rag.web.office import Office

    password = instructor_password()
    if not password:
        return None
    office = Office(
        room,
        lambda: open_surveyor(settings),
        lambda: build_name(settings),
        log,
        settings.log_smallest,
        {name: asdict(settings)[name] for name in SHOWN},
    )
    return instructor_routes(Door(password), office)


def _others(settings: Settings) -> dict[str, Callable[[], Engine]]:
    """What opens an engine with each of the other LLMs, by its name."""
    return {llm: partial(open_engine, replace(settings, llm=llm)) for llm in settings.other_llms}


def _opened(settings: Settings) -> Opened:
    """The engine over a visitor's own index."""
    from rag.web.room import Opened

    return Opened(*open_checker(settings), (), _others(settings))


def _is_free(host: str, port: int) -> bool:
    """Whether the page can be served there: asked before anything is loaded."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
