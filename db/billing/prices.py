"""Price lists: versions that follow one another and never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from db._query import as_json, run
from db.session import Transaction
from db.tables import PRICE, PRICE_LIST
from jobs.billing import ANY_POOL
from jobs.errors import Conflict, InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPrices:
    """Of one pool, in the currency's main unit."""

    pool: str
    gpu_second: Decimal = Decimal(0)
    cpu_second: Decimal = Decimal(0)
    byte_month: Decimal = Decimal(0)
    byte_sent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListRow:
    version: int
    currency: str
    valid_from: datetime
    note: str
    created_by: str
    created_at: datetime
    prices: tuple[PoolPrices, ...]


async def add_price_list(
    tx: Transaction,
    *,
    currency: str,
    valid_from: datetime | None,
    note: str,
    created_by: str,
    prices: Sequence[PoolPrices],
) -> PriceListRow:
    """The next version; ``valid_from`` None: from now on.

    Raises ``InvalidInput`` for one that begins in the past or names a pool twice, ``Conflict`` for another currency
    than the versions before, or where one begins at the same time.
    """
    if len({item.pool for item in prices}) < len(prices):
        raise InvalidInput("A pool is named twice.", field="prices", remedy="Give each pool one entry.")
    await run(tx, "lock_price_lists")
    known = (await tx.execute(select(PRICE_LIST.c.currency).limit(1))).scalar_one_or_none()
    if known is not None and known != currency:
        raise Conflict(
            f"The farm's prices are in {known}; {currency} cannot be added to what was spent.",
            remedy=f"Give the prices in {known}.",
            currency=known,
        )
    try:
        async with tx.begin_nested():
            done = await run(
                tx,
                "insert_price_list",
                currency=currency,
                valid_from=valid_from,
                note=note,
                created_by=created_by,
                prices=as_json(
                    [{name: getattr(item, name) for name in PoolPrices.__dataclass_fields__} for item in prices]
                ),
            )
            versions = done.scalars().all()
    except IntegrityError as error:
        raise Conflict(
            "Another version of the prices begins at that very time.", remedy="Choose another valid_from."
        ) from error
    if not versions:
        raise InvalidInput(
            "valid_from is in the past; what was used until now has its price.",
            field="valid_from",
            remedy="Leave it out for prices from now on, or name a time to come.",
        )
    return (await list_price_lists(tx, version=versions[0]))[0]


async def current_prices(tx: Transaction) -> PriceListRow | None:
    """The version that is valid now, by the database's clock; None: nothing costs anything."""
    version = (await run(tx, "current_version")).scalar_one_or_none()
    return None if version is None else (await list_price_lists(tx, version=version))[0]


async def list_price_lists(tx: Transaction, *, version: int | None = None) -> list[PriceListRow]:
    """All versions, the one that begins last first; or the one that is named."""
    lists = select(PRICE_LIST).order_by(PRICE_LIST.c.valid_from.desc())
    prices = select(PRICE).order_by(PRICE.c.pool)
    if version is not None:
        lists, prices = lists.where(PRICE_LIST.c.version == version), prices.where(PRICE.c.version == version)
    of_version: dict[int, list[PoolPrices]] = {}
    for row in (await tx.execute(prices)).mappings():
        item = PoolPrices(**{name: row[name] for name in PoolPrices.__dataclass_fields__})
        of_version.setdefault(row["version"], []).append(item)
    rows = (await tx.execute(lists)).mappings().all()
    return [PriceListRow(**row, prices=tuple(of_version.get(row["version"], ()))) for row in rows]


async def currency_of_farm(tx: Transaction) -> str | None:
    """ISO 4217; None while there is no price list."""
    currency: str | None = (await tx.execute(select(PRICE_LIST.c.currency).limit(1))).scalar_one_or_none()
    return currency


def prices_for(row: PriceListRow, pool: str) -> PoolPrices:
    """What this version asks in a pool; nothing where it names neither the pool nor the rest."""
    of_pool = {item.pool: item for item in row.prices}
    return of_pool.get(pool) or of_pool.get(ANY_POOL) or PoolPrices(pool=pool)
