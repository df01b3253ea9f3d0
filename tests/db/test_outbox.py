"""Events that are told outside: the row of a delivery is there if and only if its event is, and goes in order."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db.dispatch import LostLeadership
from db.loops import Delivery, claim_deliveries, fail_delivery, finish_delivery, keep_targets
from db.session import Transaction
from tests.db.builders import CLUSTER, Farm

URL, OTHER = "https://hooks.example.org/a", "https://other.example.org/b"
MINUTE = timedelta(minutes=1)


class TestRows:
    async def test_without_a_target_there_are_none(self, farm: Farm) -> None:
        await farm.start()
        assert await farm.rows("select 1 from outbox") == []

    async def test_every_event_of_a_job_has_one_for_each_target_whoever_writes_it(self, farm: Farm) -> None:
        await _keep(farm, URL, OTHER)
        job_id = await farm.start(frames="1-2")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.commit(chunk)
        for url in (URL, OTHER):
            told = await farm.rows(
                "select seq from outbox join event on event.id = event_id where target = :url order by outbox.id",
                url=url,
            )
            assert [row.seq for row in told] == [seq for seq, _, _ in await farm.events(job_id)]

    async def test_an_event_that_was_rolled_back_leaves_none(self, farm: Farm) -> None:
        await _keep(farm, URL)
        with suppress(_Crash):
            async with farm.db.transaction() as tx:
                await _event(farm, tx)
                assert (await tx.execute(text("select count(*) from outbox"))).scalar_one() == 1
                raise _Crash
        assert await farm.rows("select 1 from outbox") == []

    async def test_a_target_that_nobody_names_any_more_gets_no_more_and_what_waits_is_failed(self, farm: Farm) -> None:
        await _keep(farm, URL, OTHER)
        await farm.start()
        assert await _keep(farm, URL) > 0
        await farm.start()
        states = await farm.rows("select distinct state, error from outbox where target = :url", url=OTHER)
        assert [tuple(row) for row in states] == [("failed", "No settings name this target any more.")]
        assert len(await farm.rows("select 1 from outbox where target = :url", url=OTHER)) < len(
            await farm.rows("select 1 from outbox where target = :url", url=URL)
        )

    async def test_two_clusters_with_one_target_tell_it_once(self, farm: Farm) -> None:
        await _keep(farm, URL)
        await keep_targets(farm.db, cluster_id="another", urls=[URL], epoch=await farm.lead())
        await farm.start()
        rows = await farm.rows("select count(*) as n, count(distinct event_id) as events from outbox")
        assert rows[0].n == rows[0].events > 0
        await _keep(farm)
        assert len(await farm.rows("select 1 from event_target")) == 1


class TestOrder:
    async def test_a_job_has_one_event_on_its_way_and_jobs_do_not_wait_for_each_other(self, farm: Farm) -> None:
        await _keep(farm, URL)
        jobs = [await farm.start(), await farm.start()]
        heads = await _claim(farm)
        assert [(head.job_id, head.seq) for head in heads] == [(job_id, 1) for job_id in jobs]
        assert await _claim(farm) == []

    async def test_the_next_one_is_due_when_the_one_before_is_done(self, farm: Farm) -> None:
        await _keep(farm, URL)
        job_id = await farm.start()
        seen = []
        while heads := await _claim(farm, job_id=job_id):
            [head] = heads
            seen.append(head.seq)
            assert await finish_delivery(farm.db, head, epoch=await farm.lead())
        assert seen == [seq for seq, _, _ in await farm.events(job_id)]

    async def test_one_that_was_not_taken_holds_its_job_up_until_its_pause_is_over(self, farm: Farm) -> None:
        await _keep(farm, URL)
        stuck, free = await farm.start(), await farm.start()
        first = next(head for head in await _claim(farm) if head.job_id == stuck)
        assert await fail_delivery(farm.db, first, error="503\x00", pause=MINUTE, epoch=await farm.lead())
        assert await _claim(farm, job_id=stuck) == []
        await farm.execute("update outbox set not_before = now() where stream_id = :id", id=free)
        assert [head.job_id for head in await _claim(farm)] == [free]
        await farm.execute("update outbox set not_before = now() where stream_id = :id", id=stuck)
        [again] = await _claim(farm, job_id=stuck)
        assert (again.seq, again.attempts) == (1, 2)

    async def test_one_that_is_given_up_lets_the_others_pass(self, farm: Farm) -> None:
        await _keep(farm, URL)
        job_id = await farm.start()
        [head] = await _claim(farm)
        assert await fail_delivery(farm.db, head, error="410", pause=None, epoch=await farm.lead())
        [behind] = await _claim(farm, job_id=job_id)
        assert behind.seq == 2


class TestOwners:
    async def test_a_sender_that_died_is_followed_by_another(self, farm: Farm) -> None:
        await _keep(farm, URL)
        await farm.start()
        [lost] = await _claim(farm)
        await farm.execute("update outbox set not_before = now()")  # as after its lease
        [again] = await _claim(farm)
        assert (again.id, again.attempts) == (lost.id, 2)
        assert not await finish_delivery(farm.db, lost, epoch=await farm.lead())
        assert await finish_delivery(farm.db, again, epoch=await farm.lead())

    async def test_who_leads_no_more_claims_and_ends_nothing(self, farm: Farm) -> None:
        await _keep(farm, URL)
        await farm.start()
        [head] = await _claim(farm)
        stale = await farm.lead() + 1000
        for call in (
            claim_deliveries(farm.db, target=URL, limit=1, lease=MINUTE, epoch=stale),
            finish_delivery(farm.db, head, epoch=stale),
            fail_delivery(farm.db, head, error="x", pause=MINUTE, epoch=stale),
            keep_targets(farm.db, cluster_id=CLUSTER, urls=[], epoch=stale),
        ):
            with pytest.raises(LostLeadership):
                await call
        assert (await farm.one("select state from outbox where id = :id", id=head.id)).state == "queued"


class _Crash(Exception):
    """The process ends in the middle of the transaction."""


async def _keep(farm: Farm, *urls: str) -> int:
    return await keep_targets(farm.db, cluster_id=CLUSTER, urls=urls, epoch=await farm.lead())


async def _claim(farm: Farm, *, job_id: UUID | None = None, limit: int = 10) -> list[Delivery]:
    return await claim_deliveries(
        farm.db, target=URL, limit=limit, lease=MINUTE, epoch=await farm.lead(), stream_id=job_id
    )


async def _event(farm: Farm, tx: Transaction) -> None:
    await tx.execute(
        text("insert into event (project_id, job_id, seq, kind, data) values (:project, :job, 1, 'odd', '{}')"),
        {"project": farm.project_id, "job": uuid4()},
    )
