"""The farm under the state machine: real calls on a real database, one event loop for all examples."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text

from db.dispatch import (
    ClaimedTask,
    FrameCommit,
    SnapshotReader,
    apply_plan,
    claim_tasks,
    finish_merge,
    finish_task,
    jobs_to_pin,
    open_gates,
    pin_job,
    read_snapshot,
    rescue_expired,
    reuse_frames,
)
from db.dispatch.leadership import lead, resign
from db.loops.collect import dead_keys, unnamed_keys
from db.queue import ClaimedChunk, PartCommit, commit_frames, commit_part, start_chunk
from db.session import Database
from db.settings import DatabaseSettings
from jobs.plan import make_plan
from jobs.planning import JobView, PlanSettings, Snapshot
from jobs.states import WorkKind
from tests.db.books import price_list
from tests.db.builders import CLUSTER, LEASE, Farm, artifact, commit_of
from tests.db.control import approve, resume
from tests.db.queue_model import LIMITS, PICTURE, Picture, picture_of
from tests.db.split_jobs import merged

T = TypeVar("T")

_PLAN = PlanSettings(first_chunk_frames=3)
_FOLLOWING = PlanSettings(changes_from=1, read_whole_every=timedelta(days=1))
_LAST_PLAN = PlanSettings(first_chunk_frames=6, staged_chunks=8)
_ROUNDS = 20
"""Passes in which whatever a sequence of steps left must come to its end."""

_EMPTY = text("""
do $$ begin
    set local session_replication_role = replica;  -- the ledger lets nothing be deleted
    delete from usage; delete from usage_day; delete from project_spend;
    delete from outbox; delete from event; delete from artifact; delete from attempt; delete from frame_result;
    delete from part_result; delete from frame_flag; delete from frame_look; delete from job_block;
    delete from job_dependency; delete from work; delete from job; delete from replica; delete from leader;
    delete from pool; delete from node;
end $$
""")


@dataclass(slots=True)
class Claim:
    """What a replica believes that it holds; it may be a zombie."""

    chunk: ClaimedChunk
    replica: UUID
    frames: dict[int, FrameCommit] = field(default_factory=dict)
    """Its attempts that were sent, to send them again."""
    part: PartCommit | None = None

    def attempt(self, ordinal: int) -> FrameCommit:
        return self.frames.setdefault(ordinal, commit_of(self.chunk, ordinal))

    def attempt_at_part(self) -> PartCommit:
        if self.part is None:
            attempt_id = uuid4()
            self.part = PartCommit(
                attempt_id=attempt_id,
                started_at=1.0,
                storage_key=(key := f"artifacts/{self.chunk.job_id}/{attempt_id}/part.png"),
                size_bytes=10,
                sha256=sha256(key.encode()).hexdigest(),
                media_type="image/png",
                engine_ms=1.0,
                timings_ms={"render": 1.0},
            )
        return self.part


def _timeless(job: JobView) -> JobView:
    return job._replace(waited_s=0.0, finish_in_s=None if job.finish_in_s is None else 0.0)


class QueueFarm:
    """One database and one event loop, emptied between examples."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._runner = asyncio.Runner()
        self.db = Database(settings)
        self.db._engine.pool._pre_ping = False  # this server stays; asking first would be every fourth round trip
        self.farm = self.run(Farm.create(self.db))
        self.run(price_list(self.db))
        self._eye = psycopg.connect(settings.url.get_secret_value(), autocommit=True)
        self.follows = False
        """Whether each plan also holds a snapshot of changes against a whole one; a fifth of an example's time."""
        self.storage: dict[str, tuple[UUID, int | None]] = {}
        """Every file that was uploaded: key -> (job, ordinal)."""
        self._snapshots = SnapshotReader(self.db, cluster_id=CLUSTER, replica_timeout=LEASE, settings=_FOLLOWING)

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)

    def close(self) -> None:
        self._eye.close()
        self.run(self.db.close())
        self._runner.close()

    async def empty(self) -> None:
        self.storage.clear()
        self._snapshots = SnapshotReader(self.db, cluster_id=CLUSTER, replica_timeout=LEASE, settings=_FOLLOWING)
        async with self.db.transaction() as tx:
            await tx.execute(_EMPTY)

    def picture(self) -> Picture:
        """By a connection of its own: one round trip, some hundred times in an example."""
        [found] = self._eye.execute(PICTURE.encode()).fetchone() or [None]
        assert found is not None
        return picture_of(found, stored={key: sha256(key.encode()).hexdigest() for key in self.storage})

    async def take_over(self, before: UUID) -> tuple[UUID, int]:
        """Another leader, under another epoch."""
        await resign(self.db, role="dispatcher", cluster_id=CLUSTER, holder=before)
        holder = uuid4()
        epoch = await lead(self.db, role="dispatcher", cluster_id=CLUSTER, holder=holder, ttl=timedelta(minutes=5))
        assert epoch is not None
        return holder, epoch

    async def plan(self, epoch: int, db: Database | None = None, settings: PlanSettings = _PLAN) -> None:
        """One pass of the dispatcher: jobs start, take what is rendered already, and get replicas."""
        db = db or self.db
        await open_gates(db, epoch=epoch)
        snapshot = await read_snapshot(db, cluster_id=CLUSTER, replica_timeout=LEASE, settings=settings)
        if self.follows and settings is _PLAN:
            await self._follow(snapshot)
        waiting = [job.id for job in snapshot.jobs if not job.started]
        if waiting and snapshot.replicas:
            for job in await jobs_to_pin(db, job_ids=waiting):
                await pin_job(
                    db, job_id=job.id, engine_version="fake 1", device_class="cpu", render_key="k" * 64, epoch=epoch
                )
                await reuse_frames(db, job_id=job.id, epoch=epoch, limit=100)
            snapshot = await read_snapshot(db, cluster_id=CLUSTER, replica_timeout=LEASE, settings=settings)
        await apply_plan(db, cluster_id=CLUSTER, plan=make_plan(snapshot, settings), epoch=epoch)

    async def _follow(self, seen: Snapshot) -> None:
        """Who reads nothing but changes since the last plan must know what one who reads all sees."""
        known = await self._snapshots.read()
        jobs, theirs = ({job.id: _timeless(job) for job in each.jobs} for each in (known, seen))
        assert jobs == theirs, "a change of a job was not noticed"

    async def tasks(self, epoch: int) -> list[ClaimedTask]:
        return await claim_tasks(
            self.db, kinds=[WorkKind.MERGE, WorkKind.POST], limit=1, lease=LEASE, holder=uuid4(), epoch=epoch
        )

    async def finish(self, task: ClaimedTask, frame: FrameCommit | None = None) -> bool:
        assert task.job_id is not None
        if task.kind is WorkKind.MERGE:
            frame = frame or merged(task)
            self.upload(task.job_id, frame)
            return await finish_merge(self.db, work_id=task.work_id, fence=task.fence, commit=frame)
        film = artifact(f"artifacts/{task.job_id}/{uuid4()}/film.mp4", kind="video")
        self.storage[film.storage_key] = (task.job_id, None)
        return await finish_task(self.db, work_id=task.work_id, fence=task.fence, artifacts=[film], took_ms=5)

    def upload(self, job_id: UUID, frame: FrameCommit) -> None:
        """Its files are in storage before anybody asks to commit them; once, whatever a collection deletes then."""
        for file in frame.artifacts:
            self.storage.setdefault(file.storage_key, (job_id, frame.ordinal))

    async def collect(self, epoch: int, db: Database) -> int:
        """Delete what no row names and none can come to name, of any age; how many files."""
        asked = [(key, job_id, ordinal) for key, (job_id, ordinal) in self.storage.items()]
        deleted = 0
        for job_id, keys in (await unnamed_keys(db, keys=asked)).items():
            wanted = [(key, self.storage[key][1]) for key in keys]
            for key in await dead_keys(db, job_id=job_id, keys=wanted, epoch=epoch):
                del self.storage[key]
                deleted += 1
        return deleted

    async def expire(self, work_id: int) -> None:
        await self.farm.expire(work_id)

    async def silence(self, replica: UUID) -> None:
        """It has not beaten for longer than a lease."""
        await self.farm.execute("update replica set beat_at = now() - interval '1 hour' where id = :id", id=replica)

    async def let_pauses_pass(self) -> None:
        await self.farm.execute("update work set not_before = now() where state = 'queued' and not_before > now()")

    async def bring_to_an_end(self, epoch: int) -> Picture:
        """A person lets everything go on, one good replica is there, and what others held runs out."""
        await self.farm.execute("update replica set beat_at = now() - interval '1 hour'")
        replica = await self.farm.replica(node="the-last")
        for work_id in (self.picture()).held:
            await self.expire(work_id)
        await rescue_expired(self.db, epoch=epoch, limits=LIMITS)
        for _ in range(_ROUNDS):
            picture = self.picture()
            if all(picture.is_over(job_id) for job_id in picture.jobs):
                return picture
            for job_id, job in picture.jobs.items():
                if job["state"] == "paused":
                    await resume(self.farm, UUID(job_id))
                elif job["state"] == "awaiting_approval":
                    await approve(self.farm, UUID(job_id))
            await self.let_pauses_pass()
            await self.plan(epoch, settings=_LAST_PLAN)
            while (chunk := await self.farm.claim(replica)) is not None:
                if await start_chunk(self.db, work_id=chunk.work_id, fence=chunk.fence, warm=True):
                    await self._render(Claim(chunk, replica))
            while found := await self.tasks(epoch):
                await self.finish(found[0])
        stuck = {job_id: job for job_id, job in picture.jobs.items() if not picture.is_over(job_id)}
        raise AssertionError(f"never ends: {stuck}; work: {[picture.work[id_] for id_ in picture.work]}")

    async def _render(self, claim: Claim) -> None:
        if claim.chunk.part is None:
            await self.commit(claim, claim.chunk.ordinals)
        else:
            await self.commit_part(claim)

    async def commit(self, claim: Claim, ordinals: list[int], db: Database | None = None) -> list[int] | None:
        chunk = claim.chunk
        frames = [self._uploaded(claim, ordinal) for ordinal in ordinals]
        return await commit_frames(
            db or self.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=claim.replica, frames=frames
        )

    def _uploaded(self, claim: Claim, ordinal: int) -> FrameCommit:
        if ordinal not in claim.frames:
            self.upload(claim.chunk.job_id, claim.attempt(ordinal))
        return claim.attempt(ordinal)

    async def commit_part(self, claim: Claim, db: Database | None = None) -> bool:
        chunk, is_new = claim.chunk, claim.part is None
        part = claim.attempt_at_part()
        if is_new:
            self.storage[part.storage_key] = (chunk.job_id, chunk.ordinals[0])
        return await commit_part(
            db or self.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=claim.replica, commit=part
        )
