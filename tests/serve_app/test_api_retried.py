"""A job that runs says that tries at its frames fail, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from db.queue import ClaimedChunk, claim_chunk, start_chunk
from jobs.states import EndReason
from tests.serve_app.farm import CLUSTER, ApiFarm

SLOW = "The engine did not start within 180 s."


async def told(farm: ApiFarm, job_id: str) -> Any:
    return (await farm.http.get(f"/v1/jobs/{job_id}")).json()["retried"]


async def again(farm: ApiFarm) -> tuple[UUID, ClaimedChunk]:
    """A replica that renders the frame which is tried again."""
    replica = await farm.replica()
    await farm.execute(
        "update work set not_before = now(), assigned_to = :replica where state = 'queued'", replica=replica
    )
    chunk = await claim_chunk(farm.db, replica_id=replica, cluster_id=CLUSTER, lease=timedelta(seconds=30))
    assert chunk is not None
    assert await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=False)
    return replica, chunk


@pytest.mark.parametrize("reason", [EndReason.ENGINE_ERROR, EndReason.INFRA])
async def test_tries_that_failed_are_told_with_the_newest_reason_until_the_frame_is_there(
    farm: ApiFarm, reason: EndReason
) -> None:
    """A fault of the farm is told too, though it costs the frame none of its tries."""
    job_id = str((await farm.submit(frames="1", outputs={"video": None}))["id"])
    await farm.start(job_id)
    assert await told(farm, job_id) is None
    replica, chunk = await farm.claim(job_id, frames=1)
    await farm.fail(replica, chunk, 0, reason=reason, message="The disk is full.")
    replica, chunk = await again(farm)
    await farm.fail(replica, chunk, 0, reason=reason, message=SLOW)
    assert await told(farm, job_id) == {"tries": 2, "reason": reason, "message": SLOW}
    await farm.commit(*await again(farm))
    assert await told(farm, job_id) is None


async def test_frames_that_were_given_up_are_failures_and_no_retries(farm: ApiFarm) -> None:
    job_id = str((await farm.submit(frames="1-2", limits={"tries": 1}))["id"])
    await farm.start(job_id)
    replica, chunk = await farm.claim(job_id, frames=1)
    await farm.fail(replica, chunk, 0)
    assert await told(farm, job_id) is None
