"""Fills half of a job with the rows that its commits would have written, in a few statements."""

from __future__ import annotations

import hashlib
import time
from uuid import UUID

from sqlalchemy import text

from db.queue import ClaimedChunk, FrameCommit, NewArtifact
from db.session import Database
from jobs.ids import new_id

_STEP = 50_000
"""Frames in one transaction."""
_FAILED_EVERY = 10_000

_RESULTS = """
insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id, render_ms, warm)
select :id, n, 1, n + 1, case when n % cast(:every as integer) = 7 then 'failed' else 'committed' end,
       case when n % cast(:every as integer) = 7 then 'engine_error' else 'ok' end, gen_random_uuid(), 12.5, true
from generate_series(cast(:low as integer), cast(:high as integer)) as n
"""
_ARTIFACTS = """
insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes, sha256,
                      media_type, width, height)
select gen_random_uuid(), (select project_id from job where id = :id), :id, n, 1, 'frame', 'frame_' || n || '.png',
       'artifacts/' || :name || '/' || n || '/frame.png', 1000, repeat('0', 64), 'image/png', 16, 9
from generate_series(cast(:low as integer), cast(:high as integer)) as n
where n % cast(:every as integer) <> 7
"""
_COUNTS = """
update job set committed = committed + cast(:n as integer) - cast(:failed as integer),
       failed = failed + cast(:failed as integer),
       render_count = render_count + cast(:n as integer), render_ms_sum = render_ms_sum + 12.5 * cast(:n as integer)
where id = :id
"""
_RANGE = """
update work set first = cast(:half as integer), count = count - cast(:half as integer)
where job_id = :id and kind = 'range'
"""


async def fill_half(database: Database, job_id: UUID, total: int) -> None:
    """The first half of the ordinals has its outcome: one in ten thousand failed, the others committed."""
    half = total // 2
    for low in range(0, half, _STEP):
        high = min(low + _STEP, half) - 1
        failed = sum(1 for n in range(low, high + 1) if n % _FAILED_EVERY == 7)
        given = {"id": job_id, "low": low, "high": high, "every": _FAILED_EVERY}
        async with database.transaction() as tx:
            await tx.execute(text(_RESULTS), given)
            await tx.execute(text(_ARTIFACTS), {**given, "name": str(job_id)})
            await tx.execute(text(_COUNTS), {"id": job_id, "n": high + 1 - low, "failed": failed})
    async with database.transaction() as tx:
        await tx.execute(text(_RANGE), {"id": job_id, "half": half})


def commits_of(chunk: ClaimedChunk) -> list[FrameCommit]:
    """What a replica would commit of it."""
    return [
        FrameCommit(
            ordinal=ordinal,
            frame=frame,
            attempt_id=(attempt := new_id()),
            started_at=time.time(),
            engine_ms=13.5,
            timings_ms={"render": 12.5, "write": 1.0},
            metrics={"samples": 4},
            warm=True,
            artifacts=[
                NewArtifact(
                    kind="frame",
                    name=f"frame_{frame:04d}.png",
                    storage_key=f"artifacts/{chunk.job_id}/{ordinal}/{attempt}/frame_{frame:04d}.png",
                    size_bytes=1000,
                    sha256=hashlib.sha256(attempt.bytes).hexdigest(),
                    media_type="image/png",
                    width=16,
                    height=9,
                )
            ],
        )
        for ordinal, frame in zip(chunk.ordinals, chunk.frames, strict=True)
    ]
