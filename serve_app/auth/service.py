"""Logs people in and out. What must be remembered although a request is refused is committed before it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import structlog

from db import accounts, identities, invitations, logins
from db.audit import ActorKind
from db.session import Transaction
from jobs.access import FarmRole, ProjectRole
from jobs.errors import Conflict, InvalidInput, Unauthorized, Unavailable
from serve_app.auth.errors import TooManyLogins
from serve_app.auth.schemas import Acceptance, Login, PasswordChange, Session
from serve_app.auth.tokens import AccessTokens
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


Charge = Callable[[UUID | None], Awaitable[None]]
"""Counts a request for the account whose session it names; None: for the stranger who sent it."""


async def log_in(unit: UnitOfWork, services: ApiServices, *, asked: Login, replaced: str | None = None) -> Session:
    """Raises ``Unauthorized``, the same for an unknown address and a wrong password, and ``TooManyLogins``.

    ``replaced``: the refresh token whose place the new one takes in the browser. Its session ends: nobody could sign
    out of it any more.
    """
    tokens = require_tokens(services)
    record = await _check_password(unit, services, email=asked.email, password=asked.password.get_secret_value())
    tx = await unit.begin()
    await end_replaced(tx, replaced)
    refresh = await logins.start_login(
        tx,
        account_id=record.account_id,
        session_epoch=record.session_epoch,
        lifetime=services.settings.refresh_token_lifetime,
    )
    unit.trail.know(ActorKind.ACCOUNT, id=record.account_id, name=asked.email)
    unit.trail.note("account", record.account_id)
    log.info("logged in", action="auth.login", account_id=str(record.account_id))
    return session_of(tokens, record.account_id, record.session_epoch, refresh)


async def refresh(
    unit: UnitOfWork,
    services: ApiServices,
    *,
    refresh_token: str,
    charge: Charge,
    again_within: timedelta = timedelta(0),
) -> Session:
    """The next pair of tokens; ``again_within``: see ``renew_login``. Raises ``Unauthorized`` and ``RateLimited``."""
    tokens = require_tokens(services)
    tx = await unit.begin()
    session = await logins.find_session(tx, refresh_token=refresh_token)
    await charge(None if session is None else session.account_id)
    renewed = await logins.renew_login(
        tx,
        refresh_token=refresh_token,
        lifetime=services.settings.refresh_token_lifetime,
        again_within=again_within,
    )
    if isinstance(renewed, logins.Refused):
        if renewed is logins.Refused.REUSED:
            log.warning("a refresh token came twice", action="auth.reuse")
            about = {} if session is None else {"email": session.email, "session": session.family_id}
            unit.trail.note("account", session and session.account_id, action="session.reuse", after=about)
        await unit.end()  # a chain that is void stays so
        raise Unauthorized("This refresh token is not valid, or its session has ended.", remedy="Log in again.")
    return session_of(tokens, renewed.account_id, renewed.session_epoch, renewed.refresh_token)


async def log_out(unit: UnitOfWork, *, refresh_token: str, charge: Charge) -> identities.ProviderSession | None:
    """End the session of this token. What names it at its provider; None: there is no such session, or no provider."""
    tx = await unit.begin()
    session = await logins.find_session(tx, refresh_token=refresh_token)
    await charge(None if session is None else session.account_id)
    await logins.end_login(tx, refresh_token=refresh_token)
    vouched = None
    if session is not None:
        vouched = await identities.end_session(tx, family_id=session.family_id)
        unit.trail.know(ActorKind.ACCOUNT, id=session.account_id, name=session.email)
        unit.trail.note("account", session.account_id, before={"session": session.family_id})
    await unit.end()  # the provider may be asked next
    return vouched


async def accept(unit: UnitOfWork, services: ApiServices, *, asked: Acceptance, replaced: str | None = None) -> Session:
    """Take up an invitation: a new account, or one more role for the one that the address has. ``replaced``: see
    ``log_in``.

    Raises ``Unauthorized`` for a token that offers nothing (any more) and for the wrong password of an account.
    """
    tokens = require_tokens(services)
    password = asked.password.get_secret_value()
    offer = await invitations.find_offer(await unit.begin(), token=asked.token)
    await unit.end()  # not held while a password is hashed
    if offer is None:
        raise _no_offer()
    known = await accounts.password_record(await unit.begin(), email=offer.email)
    await unit.end()
    if known is None:
        if asked.name is None:
            raise InvalidInput(
                f"{offer.email} has no account yet.", field="name", remedy="Send a name with the password to make one."
            )
        password_hash = await services.passwords.hash(password)
        tx = await unit.begin()
        made = await accounts.create_account(tx, email=offer.email, name=asked.name, password_hash=password_hash)
        if made is None:
            raise Conflict(f"{offer.email} has got an account meanwhile.", remedy="Send its password.")
        account_id, session_epoch = made, 1
    elif known.password_hash is None:
        raise Conflict(
            f"{offer.email} has an account without a password.",
            remedy="Log in at the identity provider: that takes up the invitation.",
        )
    else:
        record = await _check_password(unit, services, email=offer.email, password=password)
        account_id, session_epoch = record.account_id, record.session_epoch
        tx = await unit.begin()
    again = await invitations.find_offer(tx, token=asked.token)
    if again is None:  # another request was quicker
        raise _no_offer()
    await take_up_offer(tx, again, account_id)
    unit.trail.know(ActorKind.ACCOUNT, id=account_id, name=again.email)
    unit.trail.note(
        "invitation",
        again.id,
        project_id=again.project_id,
        after={"account": account_id, "is_new": known is None, "role": again.role},
    )
    await end_replaced(tx, replaced)
    refresh_token = await logins.start_login(
        tx,
        account_id=account_id,
        session_epoch=session_epoch,
        lifetime=services.settings.refresh_token_lifetime,
    )
    log.info("took up an invitation", action="auth.accept", account_id=str(account_id), role=str(offer.role))
    return session_of(tokens, account_id, session_epoch, refresh_token)


async def change_password(
    unit: UnitOfWork, services: ApiServices, *, account: accounts.AccountIdentity, asked: PasswordChange
) -> None:
    """Ends every session of the account, the caller's too. Raises ``InvalidInput`` for a wrong old one: the caller's
    session is good, which 401 would deny, and ``Conflict`` where the account has changed meanwhile."""
    present = await accounts.password_record(await unit.begin(), email=account.email)
    await unit.end()
    if present is not None and present.password_hash is None:
        raise Conflict(
            "This account has no password: it logs in at the identity provider.", remedy="Change the password there."
        )
    try:
        record = await _check_password(
            unit,
            services,
            email=account.email,
            password=asked.old.get_secret_value(),
            counted_as=f"the account {account.id}",  # strangers who guess at the address do not lock out who is in
        )
    except Unauthorized as wrong:
        raise InvalidInput("This is not the present password.", field="old", remedy="Correct it.") from wrong
    password_hash = await services.passwords.hash(asked.new.get_secret_value())
    tx = await unit.begin()
    is_done = await accounts.set_password(
        tx, account_id=record.account_id, checked=account.session_epoch, password_hash=password_hash
    )
    if not is_done:
        raise Conflict(
            "The sessions of this account have been ended while its password was being changed.",
            remedy="Log in again, and change it then.",
        )
    unit.trail.note("account", record.account_id)


def require_tokens(services: ApiServices) -> AccessTokens:
    """Raises ``Unavailable`` where the farm has no key to sign with."""
    if services.tokens is None:
        raise Unavailable(
            "This farm has no key to sign logins with.",
            remedy="Its operator sets RAYFARM_API_TOKEN_KEY, for example to the output of: openssl rand -hex 32",
        )
    return services.tokens


async def end_replaced(tx: Transaction, refresh_token: str | None) -> None:
    """The session that a browser had before, if any."""
    if refresh_token is not None:
        await logins.end_login(tx, refresh_token=refresh_token)


async def take_up_offer(tx: Transaction, offer: invitations.Offer, account_id: UUID) -> None:
    """Make of an account what an invitation to its address says; one that has been overtaken lowers nobody."""
    await invitations.take_up(tx, invitation_id=offer.id)
    if isinstance(offer.role, ProjectRole):
        assert offer.project_id is not None  # the table sees to it
        await accounts.raise_member(tx, project_id=offer.project_id, account_id=account_id, role=offer.role)
    else:
        await accounts.raise_farm_role(tx, account_id=account_id, role=FarmRole(offer.role))


def session_of(tokens: AccessTokens, account_id: UUID, session_epoch: int, refresh_token: str) -> Session:
    """What the person is given."""
    return Session(
        access_token=tokens.issue(account_id=account_id, session_epoch=session_epoch),
        expires_in=int(tokens.lifetime.total_seconds()),
        refresh_token=refresh_token,
    )


async def _check_password(
    unit: UnitOfWork, services: ApiServices, *, email: str, password: str, counted_as: str | None = None
) -> accounts.PasswordRecord:
    """No transaction is open while a password is hashed. ``counted_as``: for failed tries, where not the address."""
    settings = services.settings
    name = counted_as or email
    services.passwords.require_room()  # before the try is counted
    tx = await unit.begin()
    pause_s = await accounts.reserve_login(
        tx,
        name=name,
        free_tries=settings.free_logins,
        longest=settings.longest_login_pause,
        forget_after=settings.login_memory,
    )
    record = await accounts.password_record(tx, email=email)
    await unit.end()
    if pause_s is not None:
        raise TooManyLogins(
            f"Too many logins under this address have failed; the next may be tried in {pause_s:.0f} s.",
            remedy="Wait, and send the right password; a manager cannot shorten it.",
            retry_after_s=round(pause_s + 0.5),
        )
    right = await services.passwords.verify(password, None if record is None else record.password_hash)
    if record is None or not right or record.disabled:
        await _note_failure(unit, record, email=email, is_login=counted_as is None)
        raise Unauthorized("No account has this e-mail address and password.", remedy="Correct them, or ask a manager.")
    await accounts.forget_logins(await unit.begin(), name=name)
    await unit.end()
    assert record.password_hash is not None  # there was one to be right
    if services.passwords.is_outdated(record.password_hash):
        stronger = await services.passwords.hash(password)
        await accounts.strengthen_password(
            await unit.begin(),
            account_id=record.account_id,
            checked=record.password_hash,
            password_hash=stronger,
        )
        await unit.end()
    return record


async def _note_failure(
    unit: UnitOfWork, record: accounts.PasswordRecord | None, *, email: str, is_login: bool
) -> None:
    """Committed although the request is refused. The same work whoever has the address: time must not tell either."""
    why = "unknown address" if record is None else "disabled" if record.disabled else "wrong password"
    unit.trail.note(
        "account",
        record and record.account_id,
        action="login.fail" if is_login else "password.fail",
        after={"email": email, "why": why},
    )
    await unit.begin()
    await unit.end()


def _no_offer() -> Unauthorized:
    return Unauthorized(
        "This invitation is unknown, used, withdrawn or expired.", remedy="Ask who invited you for another one."
    )
