"""Builders of what a test of the database starts from; each takes keyword overrides."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, text

from db.bootstrap import ensure_project
from db.cancel import cancel_job
from db.dispatch import apply_plan, lead, pin_job
from db.queue import (
    BeatReply,
    ClaimedChunk,
    FailOutcome,
    FrameCommit,
    NewArtifact,
    beat,
    claim_chunk,
    commit_frames,
    fail_frame,
    register_replica,
    start_chunk,
)
from db.session import Database
from db.submit import submit_job
from db.tables import MODEL
from db.transitions import change_job
from jobs.errors import Conflict
from jobs.limits import FarmLimits
from jobs.planning import Carve, Plan
from jobs.spec import JobSpec
from jobs.states import EndReason, JobCommand
from tests.db.books import BOOKS

CLUSTER = "test-cluster"
LEASE = timedelta(seconds=30)
LIMITS = FarmLimits()
RENDER_KEY = "k" * 64


@dataclass(frozen=True, slots=True)
class Farm:
    """A database with one project and one model that is ready."""

    db: Database
    project_id: UUID
    model_id: UUID

    @classmethod
    async def create(cls, db: Database) -> Farm:
        async with db.transaction() as tx:
            project_id = await ensure_project(tx, slug="default", name="Default")
        return cls(db, project_id, await add_model(db, project_id=project_id))

    def spec(self, **overrides: Any) -> JobSpec:
        values: dict[str, Any] = {"model": self.model_id, "pipeline": "fake", "frames": "1-10", "order": "sequential"}
        return JobSpec.model_validate({**values, "outputs": {"video": None}, **overrides})

    async def submit(self, **overrides: Any) -> UUID:
        async with self.db.transaction() as tx:
            return (await submit_job(tx, project_id=self.project_id, spec=self.spec(**overrides))).id

    async def manifest_bytes(self) -> int:
        """What the manifests of all models take of storage."""
        return int((await self.one("select sum(pg_column_size(manifest)) as bytes from model")).bytes)

    async def lead(self, holder: UUID | None = None) -> int:
        """The epoch of a leader; the same one for the whole test unless another holder is named."""
        epoch = await lead(
            self.db, role="dispatcher", cluster_id=CLUSTER, holder=holder or self.model_id, ttl=timedelta(minutes=5)
        )
        assert epoch is not None
        return epoch

    async def replica(self, **overrides: Any) -> UUID:
        replica_id: UUID = overrides.pop("replica_id", None) or uuid4()
        values: dict[str, Any] = {
            "cluster_id": CLUSTER,
            "pool": "default",
            "node": "n1",
            "serve_id": f"s-{replica_id.hex[:6]}",
            "labels": {},
            "engines": {"fake": "fake 1"},
            "device_class": "cpu",
        }
        await register_replica(self.db, replica_id=replica_id, **{**values, **overrides})
        return replica_id

    async def pin(self, job_id: UUID, *, render_key: str = RENDER_KEY) -> None:
        await pin_job(
            self.db,
            job_id=job_id,
            engine_version="fake 1",
            device_class="cpu",
            render_key=render_key,
            epoch=await self.lead(),
        )

    async def start(self, **overrides: Any) -> UUID:
        """A job that runs."""
        job_id = await self.submit(**overrides)
        await self.pin(job_id)
        return job_id

    async def carve(self, job_id: UUID, replica_id: UUID, *sizes: int) -> None:
        wishes = tuple(Carve(replica_id=replica_id, job_id=job_id, frames=size) for size in sizes)
        await apply_plan(self.db, cluster_id=CLUSTER, plan=Plan(placements=wishes), epoch=await self.lead())

    async def claim(self, replica_id: UUID, *, lease: timedelta = LEASE) -> ClaimedChunk | None:
        return await claim_chunk(self.db, replica_id=replica_id, cluster_id=CLUSTER, lease=lease)

    async def beat(self, replica_id: UUID, *held: ClaimedChunk) -> BeatReply:
        return await beat(
            self.db,
            replica_id=replica_id,
            held=[chunk.key for chunk in held],
            residents=[],
            current=None,
            lease=LEASE,
        )

    async def rendering(self, job_id: UUID, replica_id: UUID, *, frames: int) -> ClaimedChunk:
        """A chunk of ``frames`` frames that the replica renders."""
        await self.carve(job_id, replica_id, frames)
        chunk = await self.claim(replica_id)
        assert chunk is not None
        assert await start_chunk(self.db, work_id=chunk.work_id, fence=chunk.fence, warm=False)
        return chunk

    async def commit(
        self,
        chunk: ClaimedChunk,
        ordinals: Sequence[int] | None = None,
        *,
        replica_id: UUID | None = None,
        **extra: Any,
    ) -> list[int] | None:
        return await commit_frames(
            self.db,
            work_id=chunk.work_id,
            fence=chunk.fence,
            replica_id=replica_id or uuid4(),
            frames=[commit_of(chunk, ordinal) for ordinal in (chunk.ordinals if ordinals is None else ordinals)],
            **extra,
        )

    async def fail(
        self,
        chunk: ClaimedChunk,
        ordinal: int,
        reason: EndReason = EndReason.ENGINE_ERROR,
        *,
        replica_id: UUID | None = None,
        attempt_id: UUID | None = None,
        limits: FarmLimits = LIMITS,
    ) -> FailOutcome:
        return await fail_frame(
            self.db,
            work_id=chunk.work_id,
            fence=chunk.fence,
            replica_id=replica_id or uuid4(),
            ordinal=ordinal,
            frame=chunk.frames[chunk.ordinals.index(ordinal)],
            attempt_id=attempt_id or uuid4(),
            reason=reason,
            message=f"it went wrong: {reason}",
            log="the engine said\x00 a lot",
            limits=limits,
        )

    async def change(self, job_id: UUID, command: str, *, strict: bool = True) -> None:
        """Cancel, pause or resume; with ``strict=False`` a job that has ended meanwhile is left as it is."""
        with nullcontext() if strict else suppress(Conflict):
            async with self.db.transaction() as tx:
                if command == "cancel":
                    await cancel_job(tx, job_id=job_id)
                else:
                    await change_job(tx, job_id=job_id, command=JobCommand(command))

    async def expire(self, work_id: int) -> None:
        """Let the lease of a row run out, by the database's clock."""
        await self.execute("update work set leased_until = now() - interval '1 ms' where id = :id", id=work_id)

    async def work(self, work_id: int) -> Any:
        return await self.one("select * from work where id = :id", id=work_id)

    async def assert_whole(self, job_id: UUID) -> None:
        """Each frame is in one place, the counters equal the rows, the feed has no gap."""
        job = await self.job(job_id)
        results = await self.rows(
            "select state, count(*) as n from frame_result where job_id = :id group by state", id=job_id
        )
        by_state = {row.state: row.n for row in results}
        for state in ("committed", "reused", "failed", "skipped"):
            assert getattr(job, state) == by_state.get(state, 0), state
        live = await self.rows(
            "select unnest(ordinals) as ordinal from work where job_id = :id and kind = 'chunk'"
            " and state in ('queued', 'leased', 'rendering')"
            " union all select distinct ordinals[1] from work where job_id = :id and kind in ('part', 'merge')"
            " and state in ('queued', 'leased', 'rendering')"
            " union all select ordinal from frame_result where job_id = :id",
            id=job_id,
        )
        ordinals = [row.ordinal for row in live]
        assert len(ordinals) == len(set(ordinals)), "a frame is in two places"
        sequence = [seq for seq, _, _ in await self.events(job_id)]
        assert sequence == list(range(1, len(sequence) + 1))
        assert job.event_seq == len(sequence)
        assert (wrong := await self.rows(BOOKS)) == [], f"the ledger is wrong: {wrong}"

    async def rows(self, query: str, **parameters: Any) -> list[Any]:
        async with self.db.transaction() as tx:
            return list((await tx.execute(text(query), parameters)).all())

    async def one(self, query: str, **parameters: Any) -> Any:
        [row] = await self.rows(query, **parameters)
        return row

    async def job(self, job_id: UUID) -> Any:
        return await self.one("select * from job where id = :id", id=job_id)

    async def events(self, job_id: UUID) -> list[tuple[int, str, Any]]:
        rows = await self.rows("select seq, kind, data from event where job_id = :id order by seq", id=job_id)
        return [(row.seq, row.kind, row.data) for row in rows]

    async def execute(self, command: str, **parameters: Any) -> None:
        async with self.db.transaction() as tx:
            await tx.execute(text(command), parameters)


async def add_model(db: Database, *, project_id: UUID, digest: str | None = None, state: str = "ready") -> UUID:
    model_id = uuid4()
    async with db.transaction() as tx:
        await tx.execute(
            insert(MODEL).values(
                id=model_id,
                project_id=project_id,
                name="sphere",
                kind="fake",
                digest=digest or model_id.hex * 2,
                manifest={"kind": "fake", "main": "scene", "files": [], "remap": {}},
                state=state,
                created_at=func.now(),
                updated_at=func.now(),
            )
        )
    return model_id


def commit_of(chunk: ClaimedChunk, ordinal: int, **overrides: Any) -> FrameCommit:
    attempt_id = overrides.pop("attempt_id", None) or uuid4()
    values: dict[str, Any] = {
        "ordinal": ordinal,
        "frame": chunk.frames[chunk.ordinals.index(ordinal)],
        "attempt_id": attempt_id,
        "started_at": time.time(),
        "timings_ms": {"render": 12.5, "write": 1.0},
        "metrics": {"samples": 4},
        "warm": True,
        "artifacts": [artifact(f"artifacts/{chunk.job_id}/{ordinal}/{attempt_id}/frame.png")],
        **overrides,
    }
    return FrameCommit(**{"engine_ms": values["timings_ms"]["render"], **values})


def artifact(key: str, *, kind: str = "frame", **overrides: Any) -> NewArtifact:
    values: dict[str, Any] = {
        "kind": kind,
        "name": key.rsplit("/", 1)[-1],
        "storage_key": key,
        "size_bytes": 1000,
        "sha256": hashlib.sha256(key.encode()).hexdigest(),
        "media_type": "image/png",
        "width": 16,
        "height": 9,
    }
    return NewArtifact(**{**values, **overrides})
