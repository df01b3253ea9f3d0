"""A budget that is spent in the middle of a chunk: the frame that renders is kept, the rest waits, nothing is lost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from db.billing.money import set_budget
from jobs.billing import BudgetPeriod
from jobs.states import JobState
from tests.cluster.in_process import InProcessFarm
from tests.db.books import BOOKS, price_list, prices


async def budget(farm: InProcessFarm, amount: str) -> None:
    [project] = await farm.rows("select id from project")
    async with farm.database.transaction() as tx:
        await set_budget(tx, project_id=project.id, budget=Decimal(amount), period=BudgetPeriod.TOTAL, by="a test")


async def test_a_replica_stops_between_two_frames_and_goes_on_when_the_budget_is_raised(farm: InProcessFarm) -> None:
    await price_list(farm.database, prices(gpu_second="1", cpu_second="1"))
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.submit(frames="1-30", settings={"render_ms": 150})

    async def in_a_long_chunk() -> list[Any]:
        return await farm.rows(
            "select 1 from work where kind = 'chunk' and state = 'rendering' and cardinality(ordinals) > 2"
        )

    await farm.until(in_a_long_chunk)
    await budget(farm, "0.000001")

    async def waits() -> list[Any]:
        return await farm.rows(
            "select 1 from job where wait_reason = 'budget' and not exists (select from work where kind = 'chunk'"
            " and (state in ('leased', 'rendering') or assigned_to is not null))"
        )

    await farm.until(waits)
    assert (await farm.job(job)).committed < 30
    await budget(farm, "1000000")
    ended = await farm.ended(job)
    assert (ended.state, ended.committed) == (JobState.SUCCEEDED, 30)
    assert len(await farm.rows("select 1 from attempt")) == 30, "a frame was rendered twice"
    assert await farm.rows(BOOKS) == []
