"""The pointer at ``/`` and the API reference at ``/docs``; no page asks anything of a third party."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, JSONResponse

from jobs.errors import NotFound
from serve_app.docs.assets import ASSETS, read_asset, reference_is_whole

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""

_DAY = "public, max-age=86400"


@router.get("/")
@router.head("/")
async def read_root(request: Request) -> Response:
    """Where the API is, for whoever opens the address of the farm."""
    if "text/html" in request.headers.get("accept", ""):
        return _page("index.html")
    return JSONResponse(
        {"name": "rayfarm", "version": request.app.version, "docs": "/docs", "openapi": "/openapi.json", "api": "/v1"}
    )


@router.get("/docs")
async def read_docs() -> Response:
    """Swagger UI where its package is installed, else a page that says so."""
    return _page("docs.html" if reference_is_whole() else "docs_plain.html")


@router.get("/docs/assets/{name}")
async def read_docs_asset(name: str) -> Response:
    """A style sheet or a script of the pages."""
    asset = ASSETS.get(name)
    content = read_asset(name) if asset is not None else None
    if asset is None or content is None:
        raise NotFound(f"There is no asset {name!r}.")
    return Response(content, media_type=asset.media_type, headers={"Cache-Control": _DAY})


def _page(name: str) -> Response:
    return HTMLResponse(read_asset(name), headers={"Content-Security-Policy": _POLICY})
