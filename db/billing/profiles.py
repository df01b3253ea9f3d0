"""Whom a project's invoices are for, and who it is at Stripe."""

from __future__ import annotations

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
    columns = [BILLING_PROFILE.c[name] for name in BillingProfile.__dataclass_fields__]
    found = await tx.execute(select(*columns).where(BILLING_PROFILE.c.project_id == project_id))
    row = found.mappings().one_or_none()
    return BillingProfile(**row) if row else BillingProfile()


async def set_profile(tx: Transaction, *, project_id: UUID, profile: BillingProfile) -> None:
    """Invoices that are issued keep what they say. Raises ``Conflict`` where another project is that customer."""
    try:
        async with tx.begin_nested():
            await run(
                tx,
                "set_billing_profile",
                project_id=project_id,
                recipient=profile.recipient,
                tax_id=profile.tax_id,
                stripe_customer=profile.stripe_customer,
            )
    except IntegrityError as error:
        raise Conflict(
            "Another project is this customer at Stripe.", remedy="Give each project a customer of its own."
        ) from error
