"""Counted licences of the farm: how many there are, and that a job asks only for those that exist."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from db._query import run
from db.listen import DISPATCH
from db.session import Transaction
from jobs.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceRow:
    name: str
    capacity: int
    """Chunks that may hold it at once, on the whole farm."""


async def list_licences(tx: Transaction) -> list[LicenceRow]:
    """By name."""
    return [LicenceRow(**row) for row in (await run(tx, "list_licences")).mappings()]


async def set_licence(tx: Transaction, *, name: str, capacity: int) -> None:
    """Make a licence, or change how many there are of it. What runs goes on: a lower number holds for what comes."""
    await run(tx, "set_licence", name=name, capacity=capacity)
    await run(tx, "notify", channel=DISPATCH, payload="licence")


async def drop_licence(tx: Transaction, *, name: str) -> bool:
    """Forget a licence; jobs that ask for it wait until it is back. False: there is none of this name."""
    return (await run(tx, "drop_licence", name=name)).one_or_none() is not None


async def require_licences(tx: Transaction, names: Collection[str]) -> None:
    """``InvalidInput`` for a licence that the farm does not have: a job that asks for it would wait for ever."""
    if not names:
        return
    there = [row.name for row in await list_licences(tx)]
    unknown = sorted(set(names).difference(there))
    if unknown:
        raise InvalidInput(
            f"This farm has no licence {', '.join(map(repr, unknown))}.",
            field="licences",
            remedy=f"It has: {', '.join(there) or 'none'}. An administrator adds one: PUT /v1/licences/{{name}}.",
            unknown=unknown,
        )
