"""``/v1/auth``: how a stranger ceases to be one; and ``/v1/me``."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from db import accounts
from db.accounts import AccountIdentity
from db.keys import ApiKeyIdentity
from jobs.errors import Conflict
from serve_app.auth import service
from serve_app.auth.cookies import Cookie
from serve_app.auth.schemas import (
    Acceptance,
    LoggedOut,
    Login,
    LoginMethods,
    MembershipView,
    MeView,
    PasswordChange,
    Refresh,
    Session,
    SingleSignOnView,
)
from serve_app.dependencies import Audit, Services, Tx, Unit
from serve_app.maintenance.gate import refuse_changes
from serve_app.oidc.service import end_at_provider
from serve_app.openapi import Responses, problems
from serve_app.rates.gate import charge_renewal
from serve_app.security import Access, Caller

router = APIRouter(prefix="/auth", tags=["access"])
me_router = APIRouter(prefix="/me", tags=["access"])

PATHS = ("/login", "/refresh", "/logout", "/accept")
"""Of this router: what takes a body from anybody."""

_AT_PROVIDER: Responses = {
    200: {"model": LoggedOut, "description": "Ended here; `end_session_url` ends the session at the provider."}
}


@router.get("/methods")
async def list_login_methods(services: Services) -> LoginMethods:
    """How one can log in here; for who has not."""
    sso = services.single_sign_on
    shown = sso and SingleSignOnView(name=sso.settings.button, login="/v1/auth/oidc/login")
    return LoginMethods(password=services.tokens is not None, single_sign_on=shown)


@router.post("/login", responses=problems(403, 429))
async def log_in(asked: Login, unit: Unit, services: Services, cookie: Cookie, response: Response) -> Session:
    """Log in with e-mail address and password. Failed ones under one address make the next wait, longer each time."""
    replaced = cookie.replaced_by(asked.session)
    session = await service.log_in(unit, services, asked=asked, replaced=replaced)
    return cookie.keep_as_asked(response, session, asked.session)


@router.post("/refresh", responses=problems(403))
async def refresh_session(
    asked: Refresh, request: Request, unit: Unit, services: Services, cookie: Cookie, response: Response
) -> Session:
    """New tokens for a session; the refresh token is used up."""
    charge = partial(charge_renewal, request, services)
    if asked.refresh_token is not None:
        return await service.refresh(unit, services, refresh_token=asked.refresh_token, charge=charge)
    token = cookie.read()
    if token is None:
        await charge(None)
    session = await service.refresh(
        unit,
        services,
        refresh_token=token or cookie.require(),
        charge=charge,
        again_within=services.settings.refresh_again_within,
    )
    return cookie.keep(response, session)


@router.post("/logout", status_code=204, response_model=None, responses={**problems(403), **_AT_PROVIDER})
async def log_out(asked: Refresh, request: Request, unit: Unit, services: Services, cookie: Cookie) -> Response:
    """End the session of a refresh token, or of the cookie, which goes. One that is not known (any more) is no error.

    Where it began at the identity provider, and that can end its own session, the answer says where (200). The browser
    is told to keep no picture or file of this farm.
    """
    charge = partial(charge_renewal, request, services)
    token = cookie.read() if asked.refresh_token is None else asked.refresh_token
    if token is None:
        await charge(None)
    vouched = None if token is None else await service.log_out(unit, refresh_token=token, charge=charge)
    url = await end_at_provider(services, vouched)
    answer = Response(status_code=204) if url is None else JSONResponse(LoggedOut(end_session_url=url).model_dump())
    if asked.refresh_token is None:
        cookie.drop(answer)
        answer.headers["Clear-Site-Data"] = '"cache"'  # files of signed links may be kept for as long as those live
    return answer


@router.post("/accept", responses=problems(403, 409, 429), dependencies=[Depends(refuse_changes)])
async def accept_invitation(
    asked: Acceptance, unit: Unit, services: Services, cookie: Cookie, response: Response
) -> Session:
    """Take up an invitation, and be logged in."""
    replaced = cookie.replaced_by(asked.session)
    session = await service.accept(unit, services, asked=asked, replaced=replaced)
    return cookie.keep_as_asked(response, session, asked.session)


@me_router.get("")
async def read_me(access: Access) -> MeView:
    """Who this credential is, and what it may do in the project that the request acts in."""
    person = access.who if isinstance(access.who, AccountIdentity) else None
    return MeView(
        kind="account" if person else "key",
        id=access.who.id,
        name=access.who.name,
        email=person.email if person else None,
        service_account=access.who.account_name if isinstance(access.who, ApiKeyIdentity) else None,
        farm_role=access.farm_role,
        memberships=[
            MembershipView(project=each.slug, role=each.role) for each in (person.memberships if person else ())
        ],
        project=access.place.project_id,
        permissions=sorted(access.grants),
    )


@me_router.put("/password", status_code=204, responses=problems(409, 429))
async def change_password(asked: PasswordChange, access: Access, unit: Unit, services: Services) -> None:
    """Change one's password. Every session ends, this one too. A wrong old one is 422, of the field `old`."""
    await service.change_password(unit, services, account=_person(access), asked=asked)


@me_router.delete("/sessions", status_code=204, responses=problems(409))
async def end_my_sessions(access: Access, tx: Tx, trail: Audit) -> None:
    """Log out everywhere: all access and refresh tokens of the account are void at once."""
    await accounts.end_sessions(tx, account_id=_person(access).id)
    trail.note("account", access.who.id)


def _person(access: Caller) -> AccountIdentity:
    if not isinstance(access.who, AccountIdentity):
        raise Conflict("A key has no password and no sessions.", remedy="Log in as a person, or revoke the key.")
    return access.who
