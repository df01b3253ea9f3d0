"""Read-only maintenance of the whole farm: one row, which requests and the hand-out of work ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db._query import run
from db.listen import DISPATCH
from db.session import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    active: bool
    """The API changes nothing for anybody."""
    drain: bool
    """Nothing is handed out either; what renders finishes its frame."""
    message: str
    """For people: what is done, and until when."""
    since: datetime | None
    set_by: str | None
    """Who said so last."""


_NEVER = Maintenance(active=False, drain=False, message="", since=None, set_by=None)


async def read_maintenance(tx: Transaction) -> Maintenance:
    row = (await run(tx, "read_maintenance")).mappings().one_or_none()
    return Maintenance(**row) if row else _NEVER


async def set_maintenance(tx: Transaction, *, active: bool, drain: bool, message: str, set_by: str) -> None:
    """Wakes the dispatcher. Requests that are under way end as they would have."""
    await run(tx, "set_maintenance", active=active, drain=drain, message=message, set_by=set_by)
    await run(tx, "notify", channel=DISPATCH, payload="maintenance")
