"""The page's own addresses, under ``room/``: the pane, pages as pictures, PDFs, script and style,
and a visitor's own PDFs.

They name readings by their ids, never files by their paths. A cookie tells one visitor's browser
from another's; it says nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import RagError
from rag.types import Reading
from rag.web import lists
from rag.web.links import Place
from rag.web.markup import fill
from rag.web.page_image import PageImages, unchanged
from rag.web.pane import pane
from rag.web.room import Opened, Room
from rag.web.uploads import LARGEST_MEGABYTES, Seen, Uploads, is_own, is_visitor, new_visitor

_ASSETS = {"page.js": "text/javascript", "page.css": "text/css"}
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-store"}

COOKIE = "reading-room-visitor"

ReadingId = Annotated[str, Query(max_length=300)]
PageNumber = Annotated[int, Query(ge=1, le=100_000)]
FileName = Annotated[str, Query(max_length=1000)]
Width = Annotated[int, Query(ge=1, le=100_000)]


def routes(room: Room, uploads: Uploads | None = None) -> APIRouter:
    """The addresses over a room; all are read-only but those of a visitor's own PDFs."""
    router = APIRouter(prefix="/room", include_in_schema=False)
    addresses = _Addresses(room, uploads)
    router.add_api_route("/pane", addresses.pane)
    router.add_api_route("/page.png", addresses.picture)
    router.add_api_route("/pdf", addresses.pdf)
    router.add_api_route("/alive", addresses.alive)
    if uploads:
        own = _Own(uploads)
        router.add_api_route("/own", own.listed)
        router.add_api_route("/own", own.arrives, methods=["POST"])
        router.add_api_route("/own", own.remove, methods=["DELETE"])
    router.add_api_route("/{name}", addresses.asset)
    return router


def visitor_of(request: Any) -> str:  # noqa: ANN401 - Starlette's request, or Gradio's
    """Whose browser asks; "" where it has not said so."""
    name = request.cookies.get(COOKIE, "")
    return name if is_visitor(name) else ""


class _Addresses:
    """What each address answers."""

    def __init__(self, room: Room, uploads: Uploads | None) -> None:
        self._room, self._uploads = room, uploads
        self._images = PageImages()
        # Another one tells a page that the program was started again.
        self._started = secrets.token_hex(8)

    def pane(self, request: Request) -> Response:
        place = Place.read(request.query_params)
        if place is None:
            return _said("This link names no page of a reading.", 404)

        def made(opened: Opened) -> Response:
            return HTMLResponse(pane(opened.engine, opened.shelf, place), headers=_FRESH)

        return self._with(request, made)

    def picture(
        self, request: Request, reading: ReadingId, page: PageNumber, w: Width = 1000
    ) -> Response:
        def made(opened: Opened) -> Response:
            found = opened.shelf.reading(reading)
            png = self._images.png(found, page, w)
            # A browser keeps nothing of what is to be gone.
            headers = _FRESH if is_own(found) else _FOREVER
            return Response(png, media_type="image/png", headers=headers)

        return self._with(request, made)

    def pdf(self, request: Request, reading: ReadingId) -> Response:
        return self._with(request, lambda opened: _pdf(opened.shelf.reading(reading)))

    def _with(self, request: Request, made: Callable[[Opened], Response]) -> Response:
        return _with(Seen(self._room, self._uploads, visitor_of(request)), made)

    def alive(self, request: Request) -> Response:
        if self._uploads:
            self._uploads.heard_of(visitor_of(request))
        return JSONResponse({"started": self._started}, headers=_FRESH)

    def asset(self, name: str) -> Response:
        if name not in _ASSETS:
            return _said("There is nothing at this address.", 404)
        data = (Path(__file__).parent / name).read_bytes()
        return Response(data, media_type=_ASSETS[name], headers=_FOREVER)


class _Own:
    """A visitor's own PDFs: which there are, how one comes and goes."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    def listed(self, request: Request) -> Response:
        listed = lists.own(*self._uploads.listed(visitor_of(request)))
        return HTMLResponse(listed, headers=_FRESH)

    async def arrives(self, request: Request, name: FileName = "") -> Response:
        """Take the request's body as a file, written as it comes and given up when it is too large."""
        visitor = visitor_of(request)
        if not visitor:
            return _said("Own PDFs need a cookie, which this browser does not send.", 403)
        try:
            upload = self._uploads.begin(visitor, name)
        except RagError as error:
            return _said(str(error), 409)
        size = 0
        try:
            with upload.path.open("xb") as file:
                async for piece in request.stream():
                    size += len(piece)
                    if size > LARGEST_MEGABYTES * 1_000_000:
                        self._uploads.remove(visitor, upload.upload_id)
                        said = f"It has more than {LARGEST_MEGABYTES} MB."
                        return _said(said, 413)
                    file.write(piece)
        except (OSError, ClientDisconnect):
            self._uploads.remove(visitor, upload.upload_id)
            return _said("It did not arrive as a whole: send it again.", 400)
        self._uploads.arrived(visitor, upload)
        return self.listed(request)

    def remove(self, request: Request, upload: ReadingId) -> Response:
        self._uploads.remove(visitor_of(request), upload)
        return self.listed(request)


def _with(room: Seen, made: Callable[[Opened], Response]) -> Response:
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
        "Cache-Control": "no-store" if is_own(reading) else "private, max-age=300",
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


class Visitors:
    """Gives each browser a name by which it is known again until it is closed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the page itself comes with a cookie where the browser has none."""
        named = scope["type"] != "http" or visitor_of(Request(scope))
        if named or scope["path"] not in {"/", ""}:
            await self._app(scope, receive, send)
            return

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookie = f"{COOKIE}={new_visitor()}; Path=/; HttpOnly; SameSite=Lax"
                headers = [*message.get("headers", []), (b"set-cookie", cookie.encode())]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, with_cookie)
