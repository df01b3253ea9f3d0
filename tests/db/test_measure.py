"""What the metrics say of queue, replicas and outbox is what the rows say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from db.billing.upkeep import settle_spend
from db.bootstrap import ensure_project
from db.dispatch import apply_plan
from db.loops.measure import OTHER_PROJECTS, FarmMeasures, measure_farm
from jobs.planning import Carve, Plan
from tests.db.books import book, price_list
from tests.db.builders import CLUSTER, LEASE, Farm


async def measured(farm: Farm) -> FarmMeasures:
    return await measure_farm(farm.db, cluster_id=CLUSTER, silent_after=LEASE, named_projects=2)


async def test_frames_are_counted_by_class_and_by_where_they_stand(farm: Farm) -> None:
    replica = await farm.replica()
    job_id = await farm.start(frames="1-10", priority="interactive")
    await farm.rendering(job_id, replica, frames=3)
    await farm.carve(job_id, replica, 2)
    paused = await farm.start(frames="1-7")
    await farm.change(paused, "pause")
    await farm.submit(frames="1-4", priority="batch")
    found = await measured(farm)
    assert found.frames == {
        ("interactive", "rendering"): 3, ("interactive", "assigned"): 2, ("interactive", "waiting"): 5,
        ("normal", "held"): 7, ("batch", "waiting"): 4,
    }  # fmt: skip
    assert found.jobs == {("interactive", "running"): 1, ("normal", "paused"): 1, ("batch", "queued"): 1}


async def test_the_oldest_job_that_has_not_started_is_timed_and_one_that_runs_is_not(farm: Farm) -> None:
    await farm.execute("update job set created_at = now() - interval '1 day' where id = :id", id=await farm.start())
    waits = await farm.submit(priority="batch")
    await farm.execute("update job set created_at = now() - interval '100 s' where id = :id", id=waits)
    oldest = (await measured(farm)).oldest_s
    assert 100 <= oldest[("batch",)] < 200
    assert oldest[("normal",)] == oldest[("interactive",)] == 0


async def test_what_has_ended_leaves_no_count_behind(farm: Farm) -> None:
    await farm.change(await farm.submit(), "cancel")
    found = await measured(farm)
    assert (found.frames, found.jobs) == ({}, {})


async def test_replicas_and_what_their_engines_hold_are_summed_by_pool(farm: Farm) -> None:
    one, two, silent = await farm.replica(), await farm.replica(), await farm.replica()
    residents = '[{"bytes": 5, "vram_bytes": 7}, {"bytes": 6}]'
    await farm.execute("update replica set residents = cast(:new as jsonb)", new=residents)
    await farm.execute("update replica set drain = true where id = :id", id=two)
    await farm.execute("update replica set beat_at = now() - interval '1 hour' where id = :id", id=silent)
    found = await measured(farm)
    [pool] = {pool for pool, _ in found.replicas}
    assert found.replicas == {(pool, "accepting"): 1, (pool, "draining"): 1}
    assert (found.engines, found.engine_bytes, found.gpu_bytes) == ({(pool,): 4}, {(pool,): 22}, {(pool,): 14})
    assert one != two


async def test_the_outbox_lags_by_its_oldest_event_that_nobody_has_taken(farm: Farm) -> None:
    assert set((await measured(farm)).outbox_lag_s.values()) == {0}
    for state, age in (("queued", "50 s"), ("queued", "5 s"), ("done", "1 day")):
        await farm.execute(
            "insert into outbox (event_id, stream_id, target, state, created_at) values"
            " ((select coalesce(max(event_id), 0) + 1 from outbox), :job, 't', :state, now() - cast(:age as interval))",
            job=uuid4(), state=state, age=age,
        )  # fmt: skip
    found = await measured(farm)
    assert found.outbox_waiting == {("target",): 2, ("webhook",): 0}
    assert 50 <= found.outbox_lag_s[("target",)] < 100
    await farm.execute("update outbox set webhook_id = gen_random_uuid() where created_at > now() - interval '30 s'")
    found = await measured(farm)
    assert found.outbox_waiting == {("target",): 1, ("webhook",): 1}
    assert 5 <= found.outbox_lag_s[("webhook",)] < 50 <= found.outbox_lag_s[("target",)]


async def test_deliveries_lag_by_the_oldest_file_that_is_not_there_yet(farm: Farm) -> None:
    assert (await measured(farm)).delivery_lag_s == 0
    job_id = await farm.start(frames="1-3")
    for ordinal, (state, age) in enumerate((("queued", "50 s"), ("queued", "5 s"), ("failed", "1 day"))):
        await farm.execute(
            "insert into delivery (project_id, job_id, destination_id, kind, ordinal, name, generation, artifact_id,"
            " size_bytes, state, not_before, queued_at, created_at, updated_at) select project_id, id,"
            " gen_random_uuid(), 'frame', :ordinal, 'f.png', 1, gen_random_uuid(), 1, :state, now(),"
            " now() - cast(:age as interval), now(), now() from job where id = :job",
            job=job_id, ordinal=ordinal, state=state, age=age,
        )  # fmt: skip
    found = await measured(farm)
    assert found.delivery_waiting == 2
    assert 50 <= found.delivery_lag_s < 100


async def test_the_server_says_how_many_connections_it_has_and_allows(farm: Farm) -> None:
    found = await measured(farm)
    assert 1 <= found.connections[("open",)] <= found.connections[("limit",)]
    assert found.database_bytes > 1_000_000


class TestCost:
    async def test_without_a_price_list_there_is_none(self, farm: Farm) -> None:
        await book(farm, at=datetime.now(UTC), version=None, cost="0")
        found = await measured(farm)
        assert (found.cost, found.project_cost) == ({}, {})

    async def test_the_month_is_summed_by_kind_and_the_dearest_projects_are_named(self, farm: Farm) -> None:
        version = (await price_list(farm.db, currency="EUR")).version
        now = datetime.now(UTC)
        projects = {}
        async with farm.db.transaction() as tx:
            for slug in ("dear", "dearer", "cheap", "cheaper", "idle"):
                projects[slug] = await ensure_project(tx, slug=slug, name=slug)
        for slug, cost in (("dear", "10.5"), ("dearer", "20"), ("cheap", "1"), ("cheaper", "0.25")):
            await book(farm, at=now, version=version, cost=cost, project_id=projects[slug])
        await book(farm, at=now - timedelta(days=40), version=version, cost="100", project_id=projects["cheap"])
        # A day of storage that is over, as `close_storage_days` books it.
        await farm.execute(
            "insert into storage_usage (project_id, day, byte_seconds, cost) values (:project, :day, 1, 0.5)",
            project=projects["dear"],
            day=now.date(),
        )
        await farm.execute(
            "insert into project_spend (project_id, month, cost) values (:project, :month, 0.5)",
            project=projects["dear"],
            month=now.date().replace(day=1),
        )
        before = await measured(farm)
        assert before.cost == {("EUR", "rendering"): 31.75, ("EUR", "storage"): 0.5}
        assert before.project_cost == {
            ("EUR", "dearer"): 20.0, ("EUR", "dear"): 11.0, ("EUR", OTHER_PROJECTS): 1.25,
        }  # fmt: skip
        await settle_spend(farm.db, epoch=await farm.lead(), batch=100)
        after = await measured(farm)
        assert (after.cost, after.project_cost) == (before.cost, before.project_cost), "handed over is not spent twice"


class TestTraceOfAHandOut:
    """``traceparent`` on its way through the rows."""

    async def test_a_chunk_carries_its_hand_out_and_one_without_any_its_jobs_request(self, farm: Farm) -> None:
        replica, job_id = await farm.replica(), await farm.start(frames="1-4")
        parent, handed = f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'a' * 32}-{'c' * 16}-01"
        await farm.execute("update job set traceparent = :parent where id = :id", parent=parent, id=job_id)
        told = []

        def hand_out(*what: object) -> str | None:
            told.append(what)
            return handed

        plan = Plan(placements=(Carve(job_id=job_id, replica_id=replica, frames=2),))
        await apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=await farm.lead(), trace=hand_out)
        assert told == [(job_id, parent, 4, [0, 1])]
        first = await farm.claim(replica)
        assert first is not None
        assert (first.traceparent, first.total) == (handed, 4)
        await farm.carve(job_id, replica, 2)
        second = await farm.claim(replica)
        assert second is not None
        assert second.traceparent == parent
