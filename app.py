"""Starts the web page: settings in, launch out."""

from __future__ import annotations

import argparse
import logging
import sys

from rag import console
from rag.assembly import build_index, open_engine


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
    # Gradio takes seconds to load: a wrong setting is said before that.
    from rag.web.page import build, launch
    from rag.web.room import Room

    room = Room(
        lambda: open_engine(settings),
        lambda progress: build_index(settings, progress, console.say),
    )
    room.start()
    console.say(f"Reading Room: http://{settings.host}:{settings.port} (Ctrl-C stops it)")
    try:
        launch(build(room), settings.host, settings.port)
    except OSError as error:
        console.say(f"{error} Choose another with --port.")
        return console.FAILED
    return console.DONE


if __name__ == "__main__":
    sys.exit(main())
