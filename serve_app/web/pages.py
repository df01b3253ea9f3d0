"""Answers every address that is no route of the API with what the web app has there."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.accept import accepted_ranges, best_range
from serve_app.entity_tags import is_named
from serve_app.web.export import Export, WebFile
from serve_app.web.origins import LinkOrigins
from serve_app.web.policy import policy_of

_API = ("/v1", "/docs", "/openapi.json")
"""What stands at, or below, these is the API's own, also where it is not there."""

_HASHED = "/_next/static/"
"""Names below it hold a digest of their content."""

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"


class WebPages:
    """The web app, as the responses of one process."""

    def __init__(self, *, export: Export, origins: LinkOrigins) -> None:
        self._export = export
        self._origins = origins

    async def answer(self, request: Request) -> Response | None:
        """None: nothing is there, and the client is no browser that would show a page that says so."""
        path = request.scope["path"]
        found = self._export.find(path)
        if found is not None:
            return await self._send(request, found)
        if self._export.is_page_without_slash(path):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{quote(path)}/{query}", status_code=HTTPStatus.PERMANENT_REDIRECT)
        page = self._export.not_found
        if page is None or not wants_page(request):
            return None
        return await self._send(request, page, status=HTTPStatus.NOT_FOUND)

    async def _send(self, request: Request, file: WebFile, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
        coding, content = _coded(file, request.headers.get("accept-encoding", ""))
        etag = f'"{file.digest}-{coding}"' if coding else f'"{file.digest}"'
        is_for_ever = request.scope["path"].startswith(_HASHED) and status == HTTPStatus.OK
        headers = {
            "ETag": etag,
            "Cache-Control": _FOR_EVER if is_for_ever else _ASK_EACH_TIME,
            # Of every file, not of pages alone: a worker obeys the policy of its own script.
            "Content-Security-Policy": policy_of(file.script_hashes, origins=await self._origins.read()),
        }
        vary = (["Accept-Encoding"] if file.coded else []) + (["Accept"] if request.scope["path"] == "/" else [])
        if vary:
            headers["Vary"] = ", ".join(vary)
        if status == HTTPStatus.OK and is_named(etag, request.headers.get("if-none-match")):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        if coding:
            headers["Content-Encoding"] = coding
        headers["Content-Type"] = file.media_type
        headers["Content-Length"] = str(len(content))
        return Response(b"" if request.method == "HEAD" else content, status_code=status, headers=headers)


def behind_the_api(otherwise: ASGIApp) -> ASGIApp:
    """What answers where no route fits: the web app, and ``otherwise`` where it is not there or has nothing."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and not _is_of_the_api(scope["path"]):
            request = Request(scope, receive)
            pages: WebPages | None = request.app.state.services.web
            response = await pages.answer(request) if pages is not None else None
            if response is not None:
                await response(scope, receive, send)
                return
        await otherwise(scope, receive, send)

    return answer


def wants_page(request: Request) -> bool:
    """Whether a page is what the client, a browser that navigates, asks for by name."""
    ranges = list(accepted_ranges(request.headers.get("accept", "")))
    return any(name == "text/html" for name, _ in ranges) and best_range("text/html", ranges)[0] > 0


def _is_of_the_api(path: str) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in _API)


def _coded(file: WebFile, accept_encoding: str) -> tuple[str, bytes]:
    """The coding that the client takes, the smallest first, with the bytes; an empty one: as it is."""
    taken = {}
    for item in accept_encoding.lower().split(","):
        name, _, parameter = item.partition(";")
        taken[name.strip()] = parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    for coding, content in file.coded.items():
        if taken.get(coding, taken.get("*", False)):
            return coding, content
    return "", file.content
