"""``/v1/auth/oidc``: logging in at the identity provider (authorization code with PKCE)."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse, RedirectResponse

from jobs.errors import RayfarmError
from serve_app.auth.cookies import Cookie
from serve_app.auth.schemas import Session
from serve_app.dependencies import Audit, PublicUrl, Services, Unit
from serve_app.oidc import service
from serve_app.oidc.pending import PendingLogin
from serve_app.oidc.schemas import ClientState, CodeChallenge, CodeExchange, ReturnTo
from serve_app.openapi import Responses, problems
from serve_app.problems import problem_response
from serve_app.unit_of_work import UnitOfWork

router = APIRouter(prefix="/auth/oidc", tags=["access"])

PATHS = ("/token",)
"""Of this router: what takes a body from anybody."""

_CALLBACK = "/v1/auth/oidc/callback"
_GONE: Responses = {303: {"description": "To the identity provider, or back to `return_to`."}}


@router.get("/login", status_code=303, response_class=RedirectResponse, responses={**problems(404, 422), **_GONE})
async def begin_single_sign_on(
    services: Services,
    public_url: PublicUrl,
    return_to: ReturnTo | None = None,
    code_challenge: CodeChallenge | None = None,
    state: ClientState | None = None,
) -> Response:
    """Send a browser to the identity provider. It comes back to `/v1/auth/oidc/callback`."""
    sign_on = service.require_sign_on(services)
    url, sealed = await service.begin(
        sign_on,
        redirect_uri=public_url + _CALLBACK,
        return_to=return_to,
        code_challenge=code_challenge,
        client_state=state,
    )
    answer = RedirectResponse(url, status_code=303)
    answer.set_cookie(
        _cookie_of(public_url),
        sealed,
        max_age=int(sign_on.pending.lifetime.total_seconds()),
        path=_path_of(public_url),
        secure=public_url.startswith("https:"),
        httponly=True,
        samesite="lax",  # the return is a navigation from another site, which `strict` would strip of it
    )
    return answer


@router.get("/callback", response_model=Session, responses={**problems(401, 403, 404, 409, 422, 429), **_GONE})
async def finish_single_sign_on(
    request: Request,
    services: Services,
    public_url: PublicUrl,
    trail: Audit,
    state: Annotated[str, Query(max_length=256)],
    code: Annotated[str | None, Query(max_length=4096)] = None,
    iss: Annotated[str | None, Query(max_length=2048)] = None,
    error: Annotated[str | None, Query(max_length=256)] = None,
) -> Response:
    """Where the identity provider sends the browser back to. Only the one that began the login gets anything."""
    sign_on = service.require_sign_on(services)
    login = service.pending_login(sign_on, sealed=request.cookies.get(_cookie_of(public_url)), state=state)
    try:
        # Of its own, so that it is rolled back before the answer to an error is made.
        async with UnitOfWork(database=services.database, trail=trail) as unit:
            done = await service.finish(unit, services, login, code=code, issuer=iss, error=error)
        answer = _answer(login, done)
    except RayfarmError as failure:
        async with UnitOfWork(database=services.database, trail=trail) as unit:
            await service.note_failure(unit, failure)
        answer = _failure(request, login, failure)
    answer.delete_cookie(
        _cookie_of(public_url),
        path=_path_of(public_url),
        secure=public_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/token", responses=problems(403, 404))
async def exchange_code(
    asked: CodeExchange, unit: Unit, services: Services, cookie: Cookie, response: Response
) -> Session:
    """Change the one-time code that came to `return_to` for a session."""
    replaced = cookie.replaced_by(asked.session)
    session = await service.exchange(
        unit, services, code=asked.code, code_verifier=asked.code_verifier, replaced=replaced
    )
    return cookie.keep_as_asked(response, session, asked.session)


def _answer(login: PendingLogin, done: Session | str) -> Response:
    if isinstance(done, Session):
        return JSONResponse(done.model_dump(mode="json"))
    return _back(login, {"code": done})


def _failure(request: Request, login: PendingLogin, failure: RayfarmError) -> Response:
    """Told to who waits at ``return_to`` (the names are RFC 6749's), so that it does not wait in vain."""
    if login.return_to is None:
        return problem_response(request, failure)
    return _back(login, {"error": failure.code, "error_description": str(failure)})


def _back(login: PendingLogin, parameters: dict[str, str]) -> Response:
    assert login.return_to is not None
    if login.client_state is not None:
        parameters["state"] = login.client_state
    joint = "&" if urlsplit(login.return_to).query else "?"
    return RedirectResponse(f"{login.return_to}{joint}{urlencode(parameters)}", status_code=303)


def _cookie_of(public_url: str) -> str:
    """With the prefix no other host of the domain can set it (RFC 6265bis section 4.1.3.2); it needs https."""
    return "__Host-rayfarm-login" if public_url.startswith("https:") else "rayfarm-login"


def _path_of(public_url: str) -> str:
    return "/" if public_url.startswith("https:") else "/v1/auth/oidc"
