"""A login at the identity provider, from the button to the session. No transaction is open while the provider is asked.

The browser is sent away with a cookie that holds what must be the same when it comes back. At the end the program that
began (the web page, the CLI) is given the farm's own one-time code, bound to a secret of that program, which it changes
for a session: tokens stand in no address.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from uuid import UUID

import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from db import identities, logins
from db.audit import ActorKind
from db.session import Transaction
from jobs.errors import InvalidInput, NotFound, RayfarmError, Unavailable
from serve_app.auth.schemas import Session
from serve_app.auth.service import end_replaced, require_tokens, session_of
from serve_app.maintenance.gate import maintenance_refusal
from serve_app.oidc.errors import IdentityProviderUnavailable, SignInFailed, SignInRefused
from serve_app.oidc.pending import PendingLogin
from serve_app.oidc.people import account_of, person_of
from serve_app.oidc.sign_on import SingleSignOn
from serve_app.places import TooManyAtOnce
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

_ERROR_CODE = re.compile(r"[a-z_]{1,64}", re.ASCII)
_ITS_OWN_FAULT = frozenset({"server_error", "temporarily_unavailable"})
"""RFC 6749 section 4.1.2.1."""
_LONGEST_HINT = 4096
"""Letters of an ID token that stand in an address; servers take addresses of 8 KiB."""


def require_sign_on(services: ApiServices) -> SingleSignOn:
    """Raises ``NotFound`` where there is none, and ``Unavailable`` where the farm has no key to sign with."""
    require_tokens(services)
    if services.single_sign_on is None:
        raise NotFound(
            "This farm has no single sign-on.", remedy="Its operator sets RAYFARM_OIDC_ISSUER (docs: sign-in)."
        )
    return services.single_sign_on


async def begin(
    sign_on: SingleSignOn,
    *,
    redirect_uri: str,
    return_to: str | None,
    code_challenge: str | None,
    client_state: str | None,
) -> tuple[str, str]:
    """Where the browser goes, and the cookie that it keeps meanwhile."""
    if (return_to is None) != (code_challenge is None):
        raise InvalidInput(
            "`return_to` and `code_challenge` need each other.",
            field="code_challenge",
            remedy="Send both, or neither to be shown the session in the browser.",
        )
    login = sign_on.pending.begin(
        redirect_uri=redirect_uri, return_to=return_to, code_challenge=code_challenge, client_state=client_state
    )
    return await sign_on.provider.authorization_url(login), sign_on.pending.seal(login)


def pending_login(sign_on: SingleSignOn, *, sealed: str | None, state: str) -> PendingLogin:
    """The login that this browser began. Raises ``SignInFailed``."""
    login = sign_on.pending.open(sealed) if sealed else None
    if login is None or not hmac.compare_digest(login.state.encode(), state.encode()):
        raise SignInFailed(
            "This sign-in was not begun in this browser, was overtaken by another one, or took too long.",
            remedy="Log in again, from the farm.",
        )
    return login


async def finish(
    unit: UnitOfWork,
    services: ApiServices,
    login: PendingLogin,
    *,
    code: str | None,
    issuer: str | None,
    error: str | None,
) -> Session | str:
    """The session, or, for who waits at ``return_to``, the one-time code that stands for it.

    Raises what ``serve_app.oidc.errors`` has; nothing of the transaction may be committed then.
    """
    sign_on = require_sign_on(services)
    settings = sign_on.settings
    with sign_on.place():
        await sign_on.provider.require_issuer(issuer)
        if code is None:
            raise _not_let_in(error)
        vouched = await sign_on.provider.vouch_for(login, code=code)
    person = person_of(vouched.claims, settings)
    tx = await unit.begin()
    closed = await maintenance_refusal(tx, services.settings, remedy="Log in again later.")
    entered = await account_of(tx, person, settings, closed=closed)
    recorded = await identities.record_login(
        tx,
        state=login.state,
        account_id=entered.account_id,
        session_epoch=entered.session_epoch,
        session_lifetime=settings.session_lifetime,
        kept=settings.login_lifetime,
        code_challenge=login.code_challenge,
        code_lifetime=settings.code_lifetime,
    )
    if recorded is None:
        raise SignInFailed("This sign-in was used before.", remedy="Log in again.")
    await identities.record_session(
        tx,
        family_id=recorded.family_id,
        issuer=person.issuer,
        id_token=vouched.id_token if len(vouched.id_token) <= _LONGEST_HINT else None,
        ends_at=recorded.session_ends_at,
    )
    unit.trail.know(ActorKind.ACCOUNT, id=entered.account_id, name=entered.email)
    unit.trail.note(
        "account",
        entered.account_id,
        before={"roles": sorted(entered.roles_before)},
        after={
            "roles": sorted(entered.roles),
            "how": entered.how,
            "issuer": person.issuer,
            "subject": person.subject,
            "invitations": list(entered.invitations),
        },
    )
    log.info("logged in", action="oidc.login", account_id=str(entered.account_id), how=entered.how)
    return recorded.code or await _start(
        tx,
        services,
        account_id=entered.account_id,
        session_epoch=entered.session_epoch,
        ends_at=recorded.session_ends_at,
        family_id=recorded.family_id,
    )


async def note_failure(unit: UnitOfWork, failure: RayfarmError) -> None:
    """Committed although nobody is let in; what the provider could not do is in the log of the farm alone."""
    if not isinstance(failure, Unavailable | TooManyAtOnce):
        why = {"why": failure.code, "detail": failure.message}
        unit.trail.note("account", None, action="login.fail", after=why)
        await unit.begin()
        await unit.end()


async def exchange(
    unit: UnitOfWork, services: ApiServices, *, code: str, code_verifier: str, replaced: str | None = None
) -> Session:
    """The session that a one-time code stands for; ``replaced``: see ``log_in``. Raises ``SignInFailed``."""
    require_sign_on(services)
    tx = await unit.begin()
    login = await identities.use_code(tx, code=code)
    if login is None or not hmac.compare_digest(create_s256_code_challenge(code_verifier), login.code_challenge):
        await unit.end()  # a code that was tried with the wrong secret is used up
        raise SignInFailed("This code is unknown, used or too old, or not of this program.", remedy="Log in again.")
    await end_replaced(tx, replaced)
    return await _start(
        tx,
        services,
        account_id=login.account_id,
        session_epoch=login.session_epoch,
        ends_at=login.session_ends_at,
        family_id=login.family_id,
    )


async def end_at_provider(services: ApiServices, session: identities.ProviderSession | None) -> str | None:
    """Where the browser of who has signed out here signs out there. None: nowhere, or the provider does not say.

    An ID token goes to the provider that gave it, and to no other that the farm has got since.
    """
    sign_on = services.single_sign_on
    if session is None or sign_on is None or session.issuer != sign_on.provider.issuer:
        return None
    try:
        return await sign_on.provider.end_session_url(id_token=session.id_token)
    except IdentityProviderUnavailable as error:  # the session here has ended, and that is what was asked for
        log.warning("the provider cannot be asked", action="oidc.end_session", error=str(error))
        return None


async def _start(
    tx: Transaction,
    services: ApiServices,
    *,
    account_id: UUID,
    session_epoch: int,
    ends_at: datetime,
    family_id: UUID,
) -> Session:
    refresh_token = await logins.start_login(
        tx,
        account_id=account_id,
        session_epoch=session_epoch,
        lifetime=services.settings.refresh_token_lifetime,
        ends_at=ends_at,
        family_id=family_id,
    )
    return session_of(require_tokens(services), account_id, session_epoch, refresh_token)


def _not_let_in(error: str | None) -> RayfarmError:
    said = error if error and _ERROR_CODE.fullmatch(error) else "unknown"
    if said in _ITS_OWN_FAULT:
        return IdentityProviderUnavailable(f"The identity provider could not do it ({said}).", remedy="Log in again.")
    return SignInRefused(f"The identity provider let nobody in ({said}).", remedy="Log in again, and agree there.")
