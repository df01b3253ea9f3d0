"""Who gets the few places for tasks: projects take turns, and what costs money waits while there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db._query import statement
from db.billing.quotas import set_quotas
from db.billing.upkeep import measure_storage
from db.bootstrap import ensure_project
from db.dispatch import ClaimedTask, claim_tasks, finish_probe, finish_task
from db.steps import add_step
from db.submit import TooManyProbes, register_model
from jobs.billing import OverQuota, Quotas
from jobs.errors import Conflict
from jobs.states import WorkKind
from tests.db.books import price_list, prices
from tests.db.builders import LEASE, LIMITS, Farm
from tests.db.test_budgets import FRAME, budget, pay, prepaid
from tests.db.test_ledger import booked

KINDS = (WorkKind.PROBE, WorkKind.MERGE, WorkKind.POST)


async def project(farm: Farm, slug: str) -> UUID:
    async with farm.db.transaction() as tx:
        return await ensure_project(tx, slug=slug, name=slug)


async def register(
    farm: Farm, project_id: UUID, digest: str | None = None, *, max_waiting_probes: int | None = None
) -> UUID:
    manifest = {"kind": "fake", "main": "scene", "files": [], "remap": {}}
    async with farm.db.transaction() as tx:
        made = await register_model(
            tx,
            project_id=project_id,
            name="m",
            manifest_json=manifest,
            kind="fake",
            max_models=LIMITS.max_models_per_project,
            digest=digest or uuid4().hex * 2,
            max_waiting_probes=max_waiting_probes,
        )
    return made.id


async def claim(
    farm: Farm, limit: int, *, previews: bool | None = False, served: Sequence[UUID] = ()
) -> list[ClaimedTask]:
    return await claim_tasks(
        farm.db,
        kinds=KINDS,
        limit=limit,
        lease=timedelta(minutes=1),
        holder=uuid4(),
        epoch=await farm.lead(),
        previews=previews,
        served=served,
    )


async def end(farm: Farm, probe: ClaimedTask) -> None:
    assert await finish_probe(
        farm.db, work_id=probe.work_id, fence=probe.fence, model_state="ready", probe=None, problem=None
    )


class TestTurns:
    async def test_the_first_probe_of_a_project_waits_for_no_hundred_of_another(self, farm: Farm) -> None:
        flood = await project(farm, "flood")
        for _ in range(20):
            await register(farm, flood)
        mine = await register(farm, farm.project_id)
        claimed = await claim(farm, 2)
        assert {task.project_id for task in claimed} == {flood, farm.project_id}
        assert mine in {task.model_id for task in claimed}

    async def test_a_project_has_all_places_only_while_no_other_waits(self, farm: Farm) -> None:
        flood = await project(farm, "flood")
        for _ in range(4):
            await register(farm, flood)
        assert len(await claim(farm, 2)) == 2
        await register(farm, farm.project_id)
        assert [task.project_id for task in await claim(farm, 1)] == [farm.project_id]

    async def test_a_film_of_one_project_comes_before_the_second_probe_of_another(self, farm: Farm) -> None:
        flood = await project(farm, "flood")
        for _ in range(4):
            await register(farm, flood)
        await queue_post(farm, "video", await farm.start(frames="1"))
        assert [task.task for task in await claim(farm, 2)] == [None, "video"]

    async def test_of_three_projects_with_two_places_the_third_has_its_turn_when_one_ends(self, farm: Farm) -> None:
        """All have nothing running then but the one that still runs: who was served longest ago comes first."""
        first, second, third = [await project(farm, slug) for slug in ("first", "second", "third")]
        for each in (first, second, third):
            for _ in range(3):
                await register(farm, each)
        running = await claim(farm, 2)
        assert [task.project_id for task in running] == [first, second]
        await end(farm, running[0])
        served = [task.project_id for task in running]
        assert [task.project_id for task in await claim(farm, 1, served=served)] == [third]

    async def test_within_a_project_the_order_is_probe_urgency_merge_film_and_age(self, farm: Farm) -> None:
        batch, urgent = await farm.start(frames="1", priority="batch"), await farm.start(frames="1")
        await queue_post(farm, "video", batch, rank=3)
        await queue_post(farm, "contact_sheet", urgent, rank=0)
        await queue_post(farm, "video", urgent, rank=0)
        await register(farm, farm.project_id)
        names = []
        while tasks := await claim(farm, 1):
            names.append(tasks[0].task or tasks[0].kind)
        assert names == ["probe", "contact_sheet", "video", "video"]

    async def test_previews_of_all_projects_share_a_process(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-3")
        for _ in range(3):
            await queue_post(farm, "preview", job_id)
        await register(farm, farm.project_id)
        assert [task.task for task in await claim(farm, 5, previews=True)] == ["preview"] * 3
        assert [task.kind for task in await claim(farm, 5)] == [WorkKind.PROBE]

    async def test_a_hundred_thousand_tasks_in_line_cost_a_claim_nothing(self, farm: Farm) -> None:
        """By the rows that the statement reads, not by the clock."""
        job_id = await farm.start(frames="1")
        await farm.execute(
            "insert into work (job_id, kind, generation, task, priority_rank)"
            " select :job, 'post', 1, case n % 3 when 0 then 'preview' when 1 then 'step' else 'contact_sheet' end,"
            " n % 4 from generate_series(1, 100000) as n",
            job=job_id,
        )
        other = await project(farm, "other")
        await register(farm, other)
        await farm.execute("analyze work")
        parameters = {
            "kinds": [str(kind) for kind in KINDS],
            "limit": 2,
            "lease": timedelta(minutes=1),
            "holder": uuid4(),
            "previews": False,
            "served": [other],
        }
        async with farm.db.transaction() as tx:
            await tx.execute(text("set local statement_timeout = 0"))
            explained = await tx.execute(text(f"explain (analyze, format json) {statement('claim_tasks')}"), parameters)
            plan = explained.scalar_one()
        nodes = list(_nodes((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]))
        read = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in nodes
        )
        assert "work_tasks" in {node.get("Index Name") for node in nodes}
        assert read < 1000, json.dumps(plan, indent=1)


class TestMoney:
    async def test_steps_of_a_project_whose_money_is_spent_wait_and_what_its_frames_ask_for_is_made(
        self, priced: Farm
    ) -> None:
        job_id = await rendered(priced)
        async with priced.db.transaction() as tx:
            await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])
        for task in ("video", "preview"):
            await queue_post(priced, task, job_id)
        await budget(priced, FRAME)
        assert [task.task for task in await claim(priced, 5, previews=None)] == ["video", "preview"]
        await budget(priced, 2 * FRAME)
        [step] = await claim(priced, 5)
        assert step.task == "step"
        assert await finish_task(priced.db, work_id=step.work_id, fence=step.fence, artifacts=[], took_ms=1)

    async def test_no_step_is_ordered_while_the_budget_is_spent(self, priced: Farm) -> None:
        job_id = await rendered(priced)
        await budget(priced, FRAME)
        async with priced.db.transaction() as tx:
            with pytest.raises(
                Conflict, match=r"budget is spent: 0\.0125 EUR of 0\.0125 EUR this month\..*PUT .*/budget"
            ):
                await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])

    async def test_nor_while_credits_are(self, priced: Farm) -> None:
        job_id = await rendered(priced)
        await prepaid(priced)
        async with priced.db.transaction() as tx:
            with pytest.raises(Conflict, match=r"pays in advance and has 0 EUR left.*/credits adds a payment"):
                await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])
        await pay(priced, "5")
        async with priced.db.transaction() as tx:
            await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])

    async def test_nor_by_one_that_stores_more_than_it_may(self, priced: Farm) -> None:
        job_id = await rendered(priced)
        await measure_storage(priced.db, epoch=await priced.lead())
        async with priced.db.transaction() as tx:
            await set_quotas(tx, project_id=priced.project_id, quotas=Quotas(stored_bytes=999), by="a test")
            with pytest.raises(OverQuota, match="stored_bytes"):
                await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])


class TestProbes:
    async def test_so_many_wait_of_a_project_and_no_more(self, farm: Farm) -> None:
        for _ in range(3):
            await register(farm, farm.project_id, max_waiting_probes=3)
        with pytest.raises(TooManyProbes, match=r"3 models of the project wait .* Register this one again"):
            await register(farm, farm.project_id, max_waiting_probes=3)
        await register(farm, await project(farm, "other"), max_waiting_probes=3)
        await claim(farm, 2)
        await register(farm, farm.project_id, max_waiting_probes=3)

    async def test_a_model_that_the_project_has_is_returned_however_many_wait(self, farm: Farm) -> None:
        known = await register(farm, farm.project_id, "a" * 64)
        assert await register(farm, farm.project_id, "a" * 64, max_waiting_probes=1) == known


@pytest.fixture
async def priced(farm: Farm) -> Farm:
    await price_list(farm.db, prices(gpu_second="1", cpu_second="1"))
    return farm


async def rendered(farm: Farm) -> UUID:
    """A job of one frame, which cost ``FRAME``."""
    replica = await farm.replica()
    job_id = await farm.start(frames="1", outputs={"video": None})
    assert await farm.commit(await farm.rendering(job_id, replica, frames=1), replica_id=replica) == [0]
    return job_id


async def queue_post(farm: Farm, task: str, job_id: UUID, *, rank: int = 1) -> None:
    await farm.execute(
        "insert into work (job_id, kind, generation, task, ordinals, priority_rank)"
        " values (:job, 'post', 1, :task, array[0], :rank)",
        job=job_id,
        task=task,
        rank=rank,
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


async def test_steps_that_were_claimed_together_pay_for_their_own_time_alone(farm: Farm) -> None:
    """They run one after the other in one process: neither the wait for it nor those before cost the last anything."""
    await price_list(farm.db, prices(cpu_second="1"))
    job_id = await farm.start(frames="1-4")
    for ordinal in range(4):
        await farm.execute(
            "insert into work (job_id, kind, generation, task, ordinals) values (:job, 'post', 1, 'preview',"
            " array[cast(:ordinal as integer)])",
            job=job_id,
            ordinal=ordinal,
        )
    tasks = await claim_tasks(
        farm.db, kinds=[WorkKind.POST], limit=16, lease=LEASE, holder=job_id, epoch=await farm.lead(), previews=True
    )
    await farm.execute(
        "update work set updated_at = now() - interval '1 hour' where kind = 'post'"
    )  # it was a long wait
    for task in tasks:
        assert await finish_task(farm.db, work_id=task.work_id, fence=task.fence, artifacts=[], took_ms=1000)
    assert [(row.kind, row.cpu_us, row.cost) for row in await booked(farm)] == [("post", 1_000_000, Decimal(1))] * 4
