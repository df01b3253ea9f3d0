"""Whom a project's invoices are for, and who it is at Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from db._query import run
from db.session import Transaction
from db.tables import BILLING_PROFILE
from jobs.errors import Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingProfile:
    recipient: str = ""
    """Name and address, in lines; empty: the project's name."""
    tax_id: str = ""
    stripe_customer: str | None = None


async def read_profile(tx: Transaction, *, project_id: UUID) -> BillingProfile:
    """An empty one where nothing was ever set."""
    columns = [BILLING_PROFILE.c[name] for name in ("recipient", "tax_id", "stripe_customer", "stops_at")]
    found = await tx.execute(select(*columns).where(BILLING_PROFILE.c.project_id == project_id))
    row = found.one_or_none()
    if row is None:
        return BillingProfile()
    customer = None if row.stops_at else row.stripe_customer
    return BillingProfile(recipient=row.recipient, tax_id=row.tax_id, stripe_customer=customer)


async def set_profile(tx: Transaction, *, project_id: UUID, changes: Mapping[str, str | None]) -> None:
    """Of the fields of ``BillingProfile`` those that are named; the others stay as they are. Invoices that are issued
    keep what they say, and a customer that is taken out is told what was used until now.

    Raises ``Conflict`` where another project is that customer.
    """
    try:
        async with tx.begin_nested():
            await run(
                tx,
                "set_billing_profile",
                project_id=project_id,
                recipient=changes.get("recipient"),
                tax_id=changes.get("tax_id"),
                stripe_customer=changes.get("stripe_customer"),
                names_customer="stripe_customer" in changes,
            )
    except IntegrityError as error:
        raise Conflict(
            "Another project is this customer at Stripe.", remedy="Give each project a customer of its own."
        ) from error
