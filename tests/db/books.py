"""Holds the usage ledger against the outcomes that it must equal."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from db.billing.prices import PoolPrices, PriceListRow, add_price_list
from db.session import Database

BOOKS = """
    with made as (
        select result.job_id, result.ordinal, result.generation, 'picture' as kind, 0 as part, result.attempt_id,
               coalesce((attempt.timings ->> 'merge')::float8, (attempt.timings ->> 'engine')::float8,
                        result.render_ms) * 1000 as us
        from frame_result as result join attempt on attempt.id = result.attempt_id
        where result.state = 'committed'
        union all
        select job_id, ordinal, generation, 'part', part, attempt_id, render_ms * 1000 from part_result
    ), charged as (
        select job_id, number as ordinal, generation, case when kind = 'part' then kind else 'picture' end as kind,
               part, attempt_id, gpu_us + cpu_us as us
        from usage where kind <> 'post'
    ), summed as (
        select job_id, (at at time zone 'utc')::date as day, pool, sum(gpu_us) as gpu_us, sum(cpu_us) as cpu_us,
               sum(stored_bytes) as stored_bytes, sum(cost) as cost, count(*) filter (where kind <> 'part' and
               kind <> 'post') as frames
        from usage group by 1, 2, 3
    ), sums as (
        select * from summed where frames + gpu_us + cpu_us + stored_bytes + cost > 0
    ), days as (
        select * from usage_day where frames + gpu_us + cpu_us + stored_bytes + cost > 0
    )
    select job_id, kind || ' ' || ordinal || ' of generation ' || generation as what, made.us as happened,
           charged.us as booked
    from made full join charged using (job_id, ordinal, generation, kind, part)
    where made.attempt_id is distinct from charged.attempt_id or abs(made.us - charged.us) > 1
    union all
    select job_id, 'day', sums.cost::float8, days.cost::float8
    from sums full join days using (job_id, day, pool)
    where (sums.gpu_us, sums.cpu_us, sums.stored_bytes, sums.cost, sums.frames)
        is distinct from (days.gpu_us, days.cpu_us, days.stored_bytes, days.cost, days.frames)
"""
"""What is booked otherwise than it happened; no rows: the books are right."""


def prices(pool: str = "*", **each: str) -> PoolPrices:
    return PoolPrices(pool=pool, **{name: Decimal(price) for name, price in each.items()})


async def price_list(db: Database, *items: PoolPrices, currency: str = "EUR", **options: Any) -> PriceListRow:
    """A version that is valid from now on."""
    async with db.transaction() as tx:
        return await add_price_list(
            tx,
            currency=currency,
            prices=items or (prices(gpu_second="2", cpu_second="1"),),
            **{"valid_from": None, "note": "", "created_by": "a test", **options},
        )


async def book(
    farm: Any, *, at: datetime, version: int | None, cost: str, project_id: UUID | None = None, **use: Any
) -> None:
    """A row of the ledger of some time, as a commit of then would have written it."""
    values: dict[str, Any] = {"pool": "default", "gpu_us": 0, "cpu_us": 0, **use}
    values |= {
        "project": project_id or farm.project_id,
        "job": uuid4(),
        "at": at,
        "version": version,
        "cost": Decimal(cost),
    }
    await farm.execute(
        "insert into usage (project_id, job_id, kind, number, generation, frame, attempt_id, pool, gpu_us, cpu_us,"
        " stored_bytes, price_version, cost, at) values (:project, :job, 'frame', 0, 0, 1, gen_random_uuid(), :pool,"
        " :gpu_us, :cpu_us, 0, :version, :cost, :at)",
        **values,
    )
    await farm.execute(
        "insert into usage_day (project_id, job_id, day, pool, gpu_us, cpu_us, cost) values (:project, :job,"
        " (cast(:at as timestamptz) at time zone 'utc')::date, :pool, :gpu_us, :cpu_us, :cost)",
        **values,
    )


async def book_storage(
    farm: Any, *, day: date, version: int | None, cost: str, byte_seconds: int = 1, bytes_sent: int = 0
) -> None:
    """A day of storage that is over."""
    await farm.execute(
        "insert into storage_usage (project_id, day, byte_seconds, bytes_sent, price_version, cost)"
        " values (:project, :day, :byte_seconds, :bytes_sent, :version, :cost)",
        project=farm.project_id,
        day=day,
        byte_seconds=byte_seconds,
        bytes_sent=bytes_sent,
        version=version,
        cost=Decimal(cost),
    )
    await farm.execute(
        "insert into project_spend as known values (:project, :month, :cost)"
        " on conflict (project_id, month) do update set cost = known.cost + excluded.cost",
        project=farm.project_id,
        month=day.replace(day=1),
        cost=Decimal(cost),
    )
