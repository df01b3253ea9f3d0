"""``/v1/prices``: what the farm asks, in versions that never change."""

from __future__ import annotations

from decimal import Decimal

from fastapi import APIRouter

from db.billing.prices import PoolPrices, PriceListRow, add_price_list, current_prices, list_price_lists
from jobs.billing import ANY_POOL, plain
from jobs.errors import InvalidInput
from serve_app.billing.schemas import NewPrices, PoolPricing, PriceListView, PricesView
from serve_app.dependencies import Audit, Tx
from serve_app.openapi import problems
from serve_app.security import Access

router = APIRouter(prefix="/prices", tags=["billing"])


@router.get("")
async def list_prices(access: Access, tx: Tx) -> PricesView:
    """The prices that are valid now, and all versions; those to come too."""
    current = await current_prices(tx)
    return PricesView(
        current=view_of(current) if current else None, versions=[view_of(row) for row in await list_price_lists(tx)]
    )


@router.post("", status_code=201, responses=problems(409))
async def add_prices(new: NewPrices, access: Access, tx: Tx, trail: Audit) -> PriceListView:
    """Add a version. Each use keeps the price that was valid when its frame was committed."""
    for item in new.prices:
        if item.pool != ANY_POOL and (Decimal(item.byte_month) or Decimal(item.byte_sent)):
            raise InvalidInput(
                f"What is stored and sent is in no pool; {item.pool!r} names a price for it.",
                field="prices",
                remedy=f"Name byte_month and byte_sent in the entry of the pool {ANY_POOL!r}.",
            )
    row = await add_price_list(
        tx,
        currency=new.currency,
        valid_from=new.valid_from,
        note=new.note,
        created_by=access.name,
        prices=[
            PoolPrices(
                pool=item.pool,
                gpu_second=Decimal(item.gpu_second),
                cpu_second=Decimal(item.cpu_second),
                byte_month=Decimal(item.byte_month),
                byte_sent=Decimal(item.byte_sent),
            )
            for item in new.prices
        ],
    )
    view = view_of(row)
    trail.note("prices", row.version, after=view.model_dump(mode="json", include={"currency", "valid_from", "prices"}))
    return view


def view_of(row: PriceListRow) -> PriceListView:
    return PriceListView(
        version=row.version,
        currency=row.currency,
        valid_from=row.valid_from,
        note=row.note,
        created_by=row.created_by,
        created_at=row.created_at,
        prices=[
            PoolPricing(
                pool=item.pool,
                gpu_second=plain(item.gpu_second),
                cpu_second=plain(item.cpu_second),
                byte_month=plain(item.byte_month),
                byte_sent=plain(item.byte_sent),
            )
            for item in row.prices
        ],
    )
