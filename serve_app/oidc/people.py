"""Whose account it is that a provider vouches for, and what they are: the rules of who is let in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from pydantic import TypeAdapter, ValidationError

from db import accounts, identities, invitations
from db.accounts import AccountKind, AccountRow
from db.repositories.projects import find_project
from db.session import Transaction
from jobs.access import FarmRole, ProjectRole, Role, is_lowered
from jobs.addresses import Email
from jobs.errors import RayfarmError
from serve_app.auth.schemas import PersonName
from serve_app.auth.service import take_up_offer
from serve_app.oidc.errors import AddressTaken, SignInRefused
from serve_app.oidc.roles import grant_of, grants_in, no_more_than, place_of, rank_of_role, values_of
from serve_app.oidc.settings import OidcSettings

log = structlog.get_logger(__name__)

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAME: TypeAdapter[str] = TypeAdapter(PersonName)


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedPerson:
    """What the provider says of somebody, as far as it is believed."""

    issuer: str
    subject: str
    email: str | None
    """Verified; None: it says none, or none that counts."""
    name: str
    grants: frozenset[str]


def person_of(claims: Mapping[str, Any], settings: OidcSettings) -> VouchedPerson:
    """Raises ``SignInRefused`` for an address of a domain that is not let in."""
    email = _verified_email(claims, settings)
    if settings.allowed_domains and (email is None or email.rpartition("@")[2] not in settings.allowed_domains):
        raise SignInRefused(
            "The identity provider names no verified e-mail address of a domain that this farm lets in.",
            remedy="Log in with another account there, or ask the farm's operator (RAYFARM_OIDC_ALLOWED_DOMAINS).",
        )
    names = (claims.get(each) for each in ("name", "preferred_username"))
    values = values_of(claims, settings.role_claim) if settings.role_map else ()
    return VouchedPerson(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        email=email,
        name=next((name for each in names if (name := _valid(_NAME, each))), (email or "somebody").partition("@")[0]),
        grants=grants_in(values, settings.role_map),
    )


class Entry(StrEnum):
    """How somebody came to their account."""

    KNOWN = "known"
    LINKED = "linked by address"
    CREATED = "created"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """An account, with what it has become by this login."""

    account_id: UUID
    email: str
    session_epoch: int
    how: Entry
    roles_before: frozenset[str]
    """That the provider had given."""
    roles: frozenset[str]
    """That it gives."""
    invitations: tuple[UUID, ...]
    """Taken up."""


async def account_of(
    tx: Transaction, person: VouchedPerson, settings: OidcSettings, *, closed: RayfarmError | None = None
) -> Entered:
    """The account of this person, found, linked or made, with its roles of now.

    ``closed``: why nothing is changed at present. Who has come before gets in all the same, with the roles that the
    claims give and take, so that nobody keeps one that was taken from them; invitations wait, and nobody else gets in.

    Raises ``SignInRefused``, ``AddressTaken`` and ``closed``; what was done until then must not be committed.
    """
    whose = {"issuer": person.issuer, "subject": person.subject}
    known, how = await identities.find_identity(tx, **whose), Entry.KNOWN
    if known is None and closed is not None:
        raise closed
    if known is None:
        account_id, how = await _first_login(tx, person, settings)
        await identities.add_identity(tx, **whose, account_id=account_id)
        known = await identities.find_identity(tx, **whose)
        assert known is not None
    account = await accounts.find_account(tx, account_id=known.account_id)
    if known.disabled or account is None:
        raise SignInRefused("This account is disabled.", remedy="Ask the farm's administrator.")
    # First what is taken back, with the invitations to themselves that they may have made while they could.
    kept = no_more_than(person.grants, known.granted)
    left = await _grant_roles(tx, account, before=known.granted, now=kept)
    offers = await invitations.offers_to(tx, email=person.email) if person.email and closed is None else []
    for offer in offers:
        await take_up_offer(tx, offer, known.account_id)
    given = await _grant_roles(tx, account, before=left, now=person.grants)
    await identities.note_grants(tx, **whose, granted=given)
    return Entered(
        account_id=known.account_id,
        email=account.email,
        session_epoch=known.session_epoch,
        how=how,
        roles_before=known.granted,
        roles=given,
        invitations=tuple(offer.id for offer in offers),
    )


async def _first_login(tx: Transaction, person: VouchedPerson, settings: OidcSettings) -> tuple[UUID, Entry]:
    if person.email is None:
        raise SignInRefused(
            "The identity provider does not say that your e-mail address is verified.",
            remedy="Verify it there; for a provider that never says so see RAYFARM_OIDC_TRUST_UNSAID_EMAILS.",
        )
    there = await accounts.password_record(tx, email=person.email)
    if there is not None:
        # A provider may give an address to somebody else, and never a subject: that one is another person.
        taken = await identities.has_identity(tx, issuer=person.issuer, account_id=there.account_id)
        if taken or not settings.link_by_email or there.kind is not AccountKind.PERSON:
            raise AddressTaken(
                f"{person.email} has an account here that is not linked with this one of the identity provider.",
                remedy="Log in as before; or ask the farm's operator (RAYFARM_OIDC_LINK_BY_EMAIL).",
            )
        await accounts.drop_password(tx, account_id=there.account_id)
        log.info("linked an account", action="oidc.linked", account_id=str(there.account_id))
        return there.account_id, Entry.LINKED
    if not settings.create_accounts and not await invitations.offers_to(tx, email=person.email):
        raise SignInRefused(
            f"Nobody has invited {person.email} to this farm.", remedy="Ask a manager of a project for an invitation."
        )
    made = await accounts.create_account(tx, email=person.email, name=person.name, password_hash=None)
    if made is None:
        raise AddressTaken(f"{person.email} has got an account meanwhile.", remedy="Log in again.")
    log.info("made an account", action="oidc.created", account_id=str(made))
    return made, Entry.CREATED


async def _grant_roles(
    tx: Transaction, account: AccountRow, *, before: frozenset[str], now: frozenset[str]
) -> frozenset[str]:
    """Give what the claims give now and take back what they gave before. Returns what the provider has given.

    A role that somebody gave by hand stays: it is neither lowered nor taken back. Open invitations to whoever loses a
    role, and by them, end.
    """
    old = {place_of(grant): grant for grant in before}
    new = {place_of(grant): grant for grant in now}
    given = set()
    for place in sorted(old.keys() | new.keys()):
        grant_in = _grant_in_project if place else _grant_on_farm
        if await grant_in(tx, account, place, before=_role(old.get(place)), now=_role(new.get(place))):
            given.add(new[place])
    return frozenset(given)


async def _grant_in_project(
    tx: Transaction, account: AccountRow, slug: str, *, before: Role | None, now: Role | None
) -> bool:
    """Whether the role that they have now is of the provider."""
    project = await find_project(tx, slug=slug)
    if project is None:
        log.warning("the role map names no project", action="oidc.role_map", project=slug)
        return False
    present = await accounts.member_role(tx, project_id=project.id, account_id=account.id)
    by_hand = None if present == before else present
    is_given = now is not None and rank_of_role(now) > rank_of_role(by_hand)
    after = ProjectRole(now) if now is not None and is_given else by_hand
    if after is not None and is_given:
        await accounts.set_member(tx, project_id=project.id, account_id=account.id, role=after)
    elif after is None and present is not None:
        await accounts.drop_member(tx, project_id=project.id, account_id=account.id)
    if is_lowered(present, after):
        await invitations.revoke_invitations_around(tx, email=account.email, project_id=project.id)
    return is_given


async def _grant_on_farm(
    tx: Transaction, account: AccountRow, _farm: str, *, before: Role | None, now: Role | None
) -> bool:
    account = await _present(tx, account)
    by_hand = None if account.farm_role == before else account.farm_role
    is_given = now is not None and rank_of_role(now) > rank_of_role(by_hand)
    after = FarmRole(now) if now is not None and is_given else by_hand
    if after != account.farm_role:
        await accounts.change_account(tx, account_id=account.id, changes={"farm_role": after and str(after)})
    if is_lowered(account.farm_role, after):
        await invitations.revoke_invitations_around(tx, email=account.email, project_id=None)
    return is_given


async def _present(tx: Transaction, account: AccountRow) -> AccountRow:
    """As an invitation may just have made it."""
    found = await accounts.find_account(tx, account_id=account.id)
    assert found is not None
    return found


def _role(grant: str | None) -> Role | None:
    return None if grant is None else grant_of(grant).role


def _verified_email(claims: Mapping[str, Any], settings: OidcSettings) -> str | None:
    """Only ``true`` is true; some providers write it as text."""
    verified = claims.get("email_verified")
    is_said = verified is True or verified == "true"
    believed = is_said or (verified is None and settings.trust_unsaid_emails)
    return _valid(_EMAIL, claims.get("email")) if believed else None


def _valid(kind: TypeAdapter[str], value: object) -> str | None:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None
