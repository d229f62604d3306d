"""The instructor's addresses, under ``instructor/``: forms that the server answers, without Gradio.

Each address but the door's own looks for a visit first and says nothing without one, not even
whether there is something at it. Nothing of this is in Gradio's API or among the MCP tools.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from rag.web.desk import Desks, Work
from rag.web.door import LASTS, Door, Visit, client_of
from rag.web.instructor_page import VIEWS, Frame, login, view
from rag.web.office import Office

_PATH = "/instructor"
_COOKIE = "reading-room-instructor"

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
_LARGEST_LOGIN, _LARGEST = 8_000, 2_000_000
"""Bytes of a form, before the door and behind it."""

_LOOKS_AGAIN = "2"  # seconds between two looks at work that goes on


def instructor_routes(door: Door, office: Office) -> APIRouter:
    """The addresses behind a door."""
    router = APIRouter(prefix=_PATH, include_in_schema=False)
    addresses = _Addresses(door, office)
    router.add_api_route("", addresses.home)
    router.add_api_route("/enter", addresses.enter, methods=["POST"])
    router.add_api_route("/leave", addresses.leave, methods=["POST"])
    router.add_api_route("/{name}", addresses.show)
    router.add_api_route("/{name}", addresses.work, methods=["POST"])
    return router


class _Addresses:
    """What each address answers."""

    def __init__(self, door: Door, office: Office) -> None:
        self._door = door
        self._office = office
        self._desks = Desks()

    def home(self, request: Request) -> Response:
        if self._visit(request) is None:
            return _html(login(_base(request)))
        return _to(request, "coverage")

    async def enter(self, request: Request) -> Response:
        fields = await _form(request, _LARGEST_LOGIN)
        password = fields.get("password", "")
        if not _is_own(request) or not password:
            return _html(login(_base(request), "Say the password."), 400)
        knock = self._door.knock(_client(request), password)
        if knock.token:
            return self._let_in(request, knock.token)
        wait = f" Try again in {knock.wait} seconds." if knock.wait else ""
        page = _html(login(_base(request), f"That did not open the door.{wait}"), 403)
        if knock.wait:
            page.status_code, page.headers["Retry-After"] = 429, str(knock.wait)
        return page

    def _let_in(self, request: Request, token: str) -> Response:
        response = _to(request, "coverage")
        response.set_cookie(
            _COOKIE,
            token,
            max_age=LASTS,
            path=_base(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def leave(self, request: Request) -> Response:
        visit = self._visit(request)
        if visit is None:
            return _shut(request)
        fields = await _form(request, _LARGEST_LOGIN)
        if not _is_ours(request, visit, fields):
            return _shut(request)
        self._desks.of(visit).clear()
        self._door.leave(request.cookies.get(_COOKIE, ""))
        response = RedirectResponse(_base(request), 303, _HEADERS)
        response.delete_cookie(_COOKIE, path=_base(request), httponly=True, samesite="strict")
        return response

    def show(self, request: Request, name: str) -> Response:
        visit = self._visit(request)
        if visit is None:
            return _shut(request)
        if name == "coverage.csv":
            return self._csv(request, visit)
        if name not in VIEWS:
            return _to(request, "coverage")
        return self._view(request, visit, name)

    def _view(
        self, request: Request, visit: Visit, name: str, said: str = "", status: int = 200
    ) -> Response:
        job = self._desks.of(visit).jobs.get(name)
        frame = Frame(_base(request), visit.form_key)
        page = _html(view(frame, name, job, self._office.readings(), said), status)
        if job is not None and not job.over:
            page.headers["Refresh"] = _LOOKS_AGAIN
        return page

    def _csv(self, request: Request, visit: Visit) -> Response:
        job = self._desks.of(visit).jobs.get("coverage")
        if job is None or job.result is None or not job.result.csv:
            return _to(request, "coverage")
        named = {"Content-Disposition": 'attachment; filename="coverage.csv"'}
        return Response(job.result.csv, 200, _HEADERS | named, "text/csv; charset=utf-8")

    async def work(self, request: Request, name: str) -> Response:
        visit = self._visit(request)
        if visit is None or name not in VIEWS:
            return _shut(request)
        fields = await _form(request, _LARGEST)
        if not _is_ours(request, visit, fields):
            said = (
                "This form was not sent from this page, or is of an earlier visit: send it again."
            )
            return self._view(request, visit, name, said, 403)
        if fields.get("do") == "stop":
            self._desks.of(visit).clear()
        else:
            asked = (fields.get("file") or fields.get("asked", "")).replace("\r\n", "\n")
            self._desks.begin(visit, name, asked, self._work_of(name, fields))
        return _to(request, name)

    def _work_of(self, name: str, fields: Mapping[str, str]) -> Work:
        if name == "coverage":
            proposing = fields.get("do") == "propose"
            return self._office.proposals if proposing else self._office.coverage
        return self._office.usage if name == "usage" else self._office.evaluation

    def _visit(self, request: Request) -> Visit | None:
        return self._door.visit(_client(request), request.cookies.get(_COOKIE, ""))


def _client(request: Request) -> str:
    return client_of(request.client.host if request.client else "")


def _base(request: Request) -> str:
    """Where the view lives: behind a proxy perhaps not at the server's root."""
    return str(request.scope.get("root_path", "")).rstrip("/") + _PATH


def _is_own(request: Request) -> bool:
    """Whether a browser says that no other site sent this."""
    return request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}


def _is_ours(request: Request, visit: Visit, fields: Mapping[str, str]) -> bool:
    key = fields.get("key", "").encode("utf-8", "replace")
    return _is_own(request) and hmac.compare_digest(key, visit.form_key.encode())


async def _form(request: Request, most: int) -> dict[str, str]:
    """A form's fields; a file is its text. Raises HTTPException for one that is too large."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(413, "This is too large.")

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    whole = Request(request.scope, receive)
    async with whole.form(max_files=1, max_fields=10, max_part_size=most) as form:
        return {
            name: value
            if isinstance(value, str)
            else (await value.read()).decode("utf-8-sig", "replace")
            for name, value in form.items()
            if isinstance(value, str | UploadFile)
        }


def _html(page: str, status: int = 200) -> Response:
    return HTMLResponse(page.encode("utf-8", "replace"), status, _HEADERS)


def _shut(request: Request) -> Response:
    return _html(login(_base(request), "Say the password first."), 401)


def _to(request: Request, name: str) -> Response:
    return RedirectResponse(f"{_base(request)}/{name}", 303, _HEADERS)
