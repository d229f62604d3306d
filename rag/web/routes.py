"""The page's own addresses, under ``room/``: the pane, pages as pictures, PDFs, script and style.

They hold no state and name readings by their ids, never files by their paths.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import RagError
from rag.types import Reading
from rag.web.links import Place
from rag.web.markup import fill
from rag.web.page_image import PageImages, unchanged
from rag.web.pane import pane
from rag.web.room import Opened, Room

_ASSETS = {"page.js": "text/javascript", "page.css": "text/css"}
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-store"}

ReadingId = Annotated[str, Query(max_length=300)]
PageNumber = Annotated[int, Query(ge=1, le=100_000)]
Width = Annotated[int, Query(ge=1, le=100_000)]


def routes(room: Room) -> APIRouter:
    """The addresses over a room; all of them are read-only."""
    router = APIRouter(prefix="/room", include_in_schema=False)
    addresses = _Addresses(room)
    router.add_api_route("/pane", addresses.pane)
    router.add_api_route("/page.png", addresses.picture)
    router.add_api_route("/pdf", addresses.pdf)
    router.add_api_route("/alive", addresses.alive)
    router.add_api_route("/{name}", addresses.asset)
    return router


class _Addresses:
    """What each address answers."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._images = PageImages()
        # Another one tells a page that the program was started again.
        self._started = secrets.token_hex(8)

    def pane(self, request: Request) -> Response:
        place = Place.read(request.query_params)
        if place is None:
            return _said("This link names no page of a reading.", 404)

        def made(opened: Opened) -> Response:
            return HTMLResponse(pane(opened.engine, opened.shelf, place), headers=_FRESH)

        return _with(self._room, made)

    def picture(self, reading: ReadingId, page: PageNumber, w: Width = 1000) -> Response:
        def made(opened: Opened) -> Response:
            png = self._images.png(opened.shelf.reading(reading), page, w)
            return Response(png, media_type="image/png", headers=_FOREVER)

        return _with(self._room, made)

    def pdf(self, reading: ReadingId) -> Response:
        return _with(self._room, lambda opened: _pdf(opened.shelf.reading(reading)))

    def alive(self) -> Response:
        return JSONResponse({"started": self._started}, headers=_FRESH)

    def asset(self, name: str) -> Response:
        if name not in _ASSETS:
            return _said("There is nothing at this address.", 404)
        data = (Path(__file__).parent / name).read_bytes()
        return Response(data, media_type=_ASSETS[name], headers=_FOREVER)


def _with(room: Room, made: Callable[[Opened], Response]) -> Response:
    """What is made of the open room; a sentence where that fails, or it is not open yet."""
    opened = room.current()
    if opened is None:
        return _said("The readings are still being prepared; try again in a moment.", 503)
    try:
        return made(opened)
    except RagError as error:
        return _said(str(error), 404)


def _said(sentence: str, status: int) -> Response:
    shown = fill('<p class="note" role="alert">{sentence}</p>', sentence=sentence)
    return HTMLResponse(shown, status, headers=_FRESH)


def _pdf(reading: Reading) -> Response:
    headers: dict[str, Any] = {
        "Content-Disposition": "inline",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=300",
    }
    return Response(unchanged(reading), media_type="application/pdf", headers=headers)


class OwnPages:
    """Keeps the ``page`` of our links from Gradio, which looks for a page of its own by that name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, a link's query without its page."""
        if scope["type"] == "http" and scope["path"] in {"/", ""}:
            fields = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            query = urlencode([(name, value) for name, value in fields if name != "page"])
            scope = {**scope, "query_string": query.encode("latin-1")}
        await self._app(scope, receive, send)
