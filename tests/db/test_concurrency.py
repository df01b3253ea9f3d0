"""Everybody at once, with real commits: every frame ends exactly once, and the counters equal the rows."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from db.dispatch import apply_plan, read_snapshot, rescue_expired
from db.errors import DatabaseUnavailable
from db.queue import (
    ClaimedChunk,
    FailOutcome,
    claim_chunk,
    commit_frames,
    fail_frame,
    mark_gone,
    release_canceled,
    release_chunk,
    start_chunk,
)
from jobs.limits import FarmLimits
from jobs.plan import make_plan
from jobs.planning import PlanSettings
from jobs.states import EndReason
from tests.db.builders import CLUSTER, Farm, commit_of

LIMITS = FarmLimits(worker_failures_per_frame=1000, resource_failures_per_frame=1000)
LEASE = timedelta(minutes=5)
PLAN = PlanSettings(max_chunk_frames=9, first_chunk_frames=5, staged_chunks=2)


@dataclass
class Chaos:
    """Replicas that lose their leases, fail, release and answer twice, by a seeded die."""

    farm: Farm
    seed: int
    won: Counter[tuple[UUID, int]] = field(default_factory=Counter)
    """(job, ordinal) -> commits that were told that they are the result."""
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, jobs: list[UUID], *, replicas: int, cancel: UUID | None = None) -> None:
        async with asyncio.timeout(40), asyncio.TaskGroup() as group:
            for number in range(replicas):
                group.create_task(self.replica(await self.farm.replica(), random.Random(self.seed + number)))
            group.create_task(self.leader())
            group.create_task(self.thief(random.Random(self.seed + 100)))
            group.create_task(self.watch(jobs, cancel))

    async def watch(self, jobs: list[UUID], cancel: UUID | None) -> None:
        try:
            while True:
                rows = await self.farm.rows("select id, ended_at, committed from job where id = any(:ids)", ids=jobs)
                if all(row.ended_at is not None for row in rows):
                    return
                if cancel is not None and any(row.id == cancel and row.committed > 20 for row in rows):
                    await self.farm.change(cancel, "cancel")
                    cancel = None
                await asyncio.sleep(0.02)
        finally:
            self.stopped.set()

    async def leader(self) -> None:
        while not self.stopped.is_set():
            epoch = await self.farm.lead()
            await rescue_expired(self.farm.db, epoch=epoch, limits=LIMITS)
            snapshot = await read_snapshot(self.farm.db, cluster_id=CLUSTER, replica_timeout=timedelta(minutes=5))
            await apply_plan(self.farm.db, cluster_id=CLUSTER, plan=make_plan(snapshot, PLAN), epoch=epoch)
            await self.farm.execute("update work set not_before = now() where not_before > now()")
            await asyncio.sleep(0.005)

    async def thief(self, dice: random.Random) -> None:
        """Leases run out at any moment, and a replica is declared dead."""
        while not self.stopped.is_set():
            await self.farm.execute(
                "update work set leased_until = now() - interval '1 second' where id in"
                " (select id from work where state in ('leased', 'rendering') order by random() limit 1 for update skip"
                " locked)"
            )
            if dice.random() < 0.2:
                [victim] = await self.farm.rows("select id from replica order by random() limit 1")
                await mark_gone(self.farm.db, replica_id=victim.id, reason=EndReason.WORKER_LOST, limits=LIMITS)
                await self.farm.replica(replica_id=victim.id)
            await asyncio.sleep(0.03)

    async def replica(self, replica_id: UUID, dice: random.Random) -> None:
        while not self.stopped.is_set():
            chunk = await claim_chunk(self.farm.db, replica_id=replica_id, cluster_id=CLUSTER, lease=LEASE)
            if chunk is None:
                await self.farm.beat(replica_id)
                await asyncio.sleep(0.005)
            elif await start_chunk(self.farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=True):
                await self.render(replica_id, chunk, dice)

    async def render(self, replica_id: UUID, chunk: ClaimedChunk, dice: random.Random) -> None:
        left = list(chunk.ordinals)
        while left:
            batch, left = left[:3], left[3:]
            fate = dice.random()
            if fate < 0.1:
                await release_chunk(
                    self.farm.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INTERRUPTED
                )
                return
            if fate < 0.2:
                outcome = await fail_frame(
                    self.farm.db,
                    work_id=chunk.work_id,
                    fence=chunk.fence,
                    replica_id=replica_id,
                    ordinal=batch[0],
                    frame=chunk.frames[chunk.ordinals.index(batch[0])],
                    attempt_id=commit_of(chunk, batch[0]).attempt_id,
                    reason=EndReason.ENGINE_CRASH,
                    message="crash",
                    log=None,
                    limits=LIMITS,
                )
                if outcome is FailOutcome.SUPERSEDED:
                    return
                left = batch[1:] + left
                continue
            if not await self.commit(replica_id, chunk, batch, dice):
                await release_canceled(self.farm.db, work_id=chunk.work_id, fence=chunk.fence)
                return
            reply = await self.farm.beat(replica_id, chunk)
            if (chunk.work_id, chunk.fence) in reply.canceled:
                await release_canceled(self.farm.db, work_id=chunk.work_id, fence=chunk.fence)
                return

    async def commit(self, replica_id: UUID, chunk: ClaimedChunk, batch: list[int], dice: random.Random) -> bool:
        frames = [commit_of(chunk, ordinal) for ordinal in batch]
        answers = [
            await commit_frames(
                self.farm.db,
                work_id=chunk.work_id,
                fence=chunk.fence,
                replica_id=replica_id,
                frames=frames,
                needs_preview=True,
            )
            for _ in range(2 if dice.random() < 0.2 else 1)
        ]
        first, last = answers[0], answers[-1]
        assert first == last, "the same commit had two answers"
        self.won.update((chunk.job_id, ordinal) for ordinal in first or [])
        return first is not None


async def test_every_frame_is_committed_exactly_once_whatever_happens(farm: Farm) -> None:
    chaos = Chaos(farm, seed=7)
    jobs = [await farm.start(frames="1-160"), await farm.start(frames="1-80", priority="interactive")]
    await chaos.run(jobs, replicas=4)
    for job_id, total in zip(jobs, (160, 80), strict=True):
        job = await farm.job(job_id)
        assert (job.state, job.committed) == ("succeeded", total)
        assert {ordinal for won, ordinal in chaos.won if won == job_id} == set(range(total))
        rows = await farm.rows("select ordinal, count(*) as n from artifact where job_id = :id group by 1", id=job_id)
        assert {row.ordinal: row.n for row in rows} == dict.fromkeys(range(total), 1)
        await farm.assert_whole(job_id)
    assert set(chaos.won.values()) == {1}, "two attempts were told that they won one frame"
    left = "select 1 from work where kind in ('range', 'chunk') and state in ('queued', 'leased', 'rendering')"
    assert await farm.rows(left) == []


async def test_a_cancel_in_the_middle_leaves_counters_that_equal_the_rows(farm: Farm) -> None:
    chaos = Chaos(farm, seed=11)
    canceled, other = await farm.start(frames="1-200"), await farm.start(frames="1-60")
    await chaos.run([canceled, other], replicas=4, cancel=canceled)
    job = await farm.job(canceled)
    assert job.state == "canceled"
    assert 20 < job.committed < 200
    assert job.committed + job.canceled == 200
    assert sum(count for (won, _), count in chaos.won.items() if won == canceled) == job.committed
    events = await farm.rows(
        "select kind, data ->> 'state' as state from event where job_id = :id order by seq", id=canceled
    )
    assert tuple(events[-1]) == ("job.state", "canceled"), "a frame was committed behind the end"
    assert (await farm.job(other)).committed == 60
    for job_id in (canceled, other):
        await farm.assert_whole(job_id)
    live = "select 1 from work where job_id = :id and state in ('queued', 'leased', 'rendering')"
    assert await farm.rows(live, id=canceled) == []


async def test_nothing_here_deadlocks(farm: Farm) -> None:
    """Beats, take-backs, cancels and deaths lock many rows each; the database would report a cycle as unavailable."""
    jobs = [await farm.start(frames="1-40") for _ in range(4)]
    replicas = [await farm.replica() for _ in range(3)]

    async def churn(replica_id: UUID) -> None:
        for _ in range(6):
            for job_id in jobs:
                await farm.carve(job_id, replica_id, 1)
            held = [chunk for _ in jobs if (chunk := await farm.claim(replica_id)) is not None]
            await asyncio.gather(
                farm.beat(replica_id, *held),
                mark_gone(farm.db, replica_id=replica_id),
                farm.change(jobs[0], "pause", strict=False),
            )
            await farm.replica(replica_id=replica_id)

    try:
        await asyncio.gather(*(churn(replica_id) for replica_id in replicas))
    except DatabaseUnavailable as error:
        raise AssertionError(str(error)) from error
    for job_id in jobs:
        await farm.assert_whole(job_id)
