"""Split jobs as a test drives them: parts placed, rendered, committed and merged by hand."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

from db.dispatch import (
    ClaimedTask,
    FrameCommit,
    apply_plan,
    claim_tasks,
    finish_merge,
)
from db.queue import (
    ClaimedChunk,
    PartCommit,
    commit_part,
    start_chunk,
)
from jobs.planning import Assign, Carve, Plan
from jobs.states import WorkKind
from tests.db.builders import CLUSTER, LEASE, Farm, artifact


async def split_job(farm: Farm, *, parts: int = 2, **spec: Any) -> UUID:
    return await farm.start(split={"mode": "borders", "parts": parts}, **{"frames": "1", **spec})


async def rendering(farm: Farm, job_id: UUID, *replicas: UUID) -> list[ClaimedChunk]:
    """A part on each replica, started."""
    await place(farm, job_id, *replicas)
    found = []
    for replica in replicas:
        part = await farm.claim(replica)
        assert part is not None
        assert await start_chunk(farm.db, work_id=part.work_id, fence=part.fence, warm=True)
        found.append(part)
    return found


async def place(farm: Farm, job_id: UUID, *replicas: UUID) -> None:
    """Loose parts first, then those of new frames."""
    loose = await farm.rows(
        "select id from work where job_id = :id and kind = 'part' and state = 'queued' and assigned_to is null"
        " order by id",
        id=job_id,
    )
    placements: list[Carve | Assign] = [
        Assign(replica_id=replica, job_id=job_id, work_id=row.id) for replica, row in zip(replicas, loose, strict=False)
    ]
    placements += [Carve(replica_id=replica, job_id=job_id, frames=1) for replica in replicas[len(loose) :]]
    await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(placements=tuple(placements)), epoch=await farm.lead())


async def commit(farm: Farm, part: ClaimedChunk, *, attempt_id: UUID | None = None, **overrides: Any) -> bool:
    attempt_id = attempt_id or uuid4()
    values: dict[str, Any] = {
        "attempt_id": attempt_id,
        "started_at": time.time(),
        "storage_key": f"artifacts/{part.job_id}/{part.ordinals[0]}/{attempt_id}/part.png",
        "size_bytes": 1000,
        "sha256": "a" * 64,
        "media_type": "image/png",
        "timings_ms": {"render": 10.0, "write": 1.0},
        "warm": True,
        **overrides,
    }
    values.setdefault("engine_ms", values["timings_ms"]["render"])
    return await commit_part(
        farm.db, work_id=part.work_id, fence=part.fence, replica_id=uuid4(), commit=PartCommit(**values)
    )


async def claim_merge(farm: Farm) -> ClaimedTask | None:
    tasks = await claim_tasks(
        farm.db, kinds=[WorkKind.MERGE], limit=10, lease=LEASE, holder=uuid4(), epoch=await farm.lead()
    )
    assert len(tasks) <= 1
    return tasks[0] if tasks else None


async def merging(farm: Farm, job_id: UUID, *, parts: int = 2) -> ClaimedTask:
    """The merge of the job's next frame, claimed."""
    replicas = [await farm.replica() for _ in range(parts)]
    for part in await rendering(farm, job_id, *replicas):
        assert await commit(farm, part)
    merge = await claim_merge(farm)
    assert merge is not None
    return merge


def merged(merge: ClaimedTask, **overrides: Any) -> FrameCommit:
    assert merge.ordinals is not None
    attempt_id = uuid4()
    values: dict[str, Any] = {
        "ordinal": merge.ordinals[0],
        "frame": merge.ordinals[0] + 1,
        "attempt_id": attempt_id,
        "started_at": time.time(),
        "timings_ms": {"render": 20.0, "merge": 3.0},
        "artifacts": [artifact(f"artifacts/{merge.job_id}/{merge.ordinals[0]}/{attempt_id}/frame.png")],
        **overrides,
    }
    return FrameCommit(**{"engine_ms": values["timings_ms"]["render"], **values})


async def finish(farm: Farm, merge: ClaimedTask, frame: FrameCommit | None = None) -> bool:
    return await finish_merge(farm.db, work_id=merge.work_id, fence=merge.fence, commit=frame or merged(merge))
