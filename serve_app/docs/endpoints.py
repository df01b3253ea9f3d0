"""The web app at ``/``, or a pointer, and the API reference at ``/docs``; no page asks anything of a third party."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, JSONResponse

from jobs.errors import NotFound
from serve_app.dependencies import Services
from serve_app.docs.assets import ASSETS, read_asset, reference_is_whole
from serve_app.web.pages import wants_page

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""

_DAY = "public, max-age=86400"


@router.get("/")
@router.head("/")
async def read_root(request: Request, services: Services) -> Response:
    """The web app for browsers; for programs, and where it is not built, where the API is."""
    if wants_page(request):
        page = await services.web.answer(request) if services.web is not None else None
        return page or _page("index.html", Vary="Accept")
    web = None if services.web is None else "/"
    places = {"docs": "/docs", "openapi": "/openapi.json", "api": "/v1", "web": web}
    return JSONResponse(
        {"name": "rayfarm", "version": request.app.version, **places},
        headers={"Vary": "Accept"},
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


def _page(name: str, **headers: str) -> Response:
    return HTMLResponse(read_asset(name), headers={"Content-Security-Policy": _POLICY, **headers})
