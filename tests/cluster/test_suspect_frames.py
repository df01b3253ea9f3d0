"""Real pictures, committed as a replica does: the preview's task flags what is odd, and the frame keeps its state."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from PIL import Image

from cluster.replica import installed_engines
from db.queue import FrameCommit, NewArtifact, claim_chunk, commit_frames, register_replica, start_chunk
from jobs.limits import FarmLimits
from tests.cluster.in_process import InProcessFarm

SIZE = (640, 360)


def picture(brightness: int, folder: Path) -> Path:
    """Noise around a grey, as a renderer leaves it; 0 is black."""
    grey = np.full((SIZE[1], SIZE[0], 3), brightness, np.int16)
    noise = np.random.default_rng(brightness).integers(-6, 7, grey.shape) if brightness else 0
    path = folder / f"{uuid4().hex}.png"
    Image.fromarray(np.clip(grey + noise, 0, 255).astype(np.uint8)).save(path)
    return path


async def render(farm: InProcessFarm, job_id: UUID, brightness: Sequence[int], folder: Path) -> None:
    """All frames of the job, in chunks as they are handed out."""
    replica_id = uuid4()
    await register_replica(
        farm.database,
        replica_id=replica_id,
        cluster_id=farm.settings.id,
        pool="default",
        node="n1",
        serve_id="s1",
        labels={},
        engines=installed_engines(),
        device_class="cpu",
    )
    left = len(brightness)
    while left:
        chunk = await claim_chunk(
            farm.database, replica_id=replica_id, cluster_id=farm.settings.id, lease=timedelta(minutes=5)
        )
        if chunk is None:
            await asyncio.sleep(0.05)
            continue
        await start_chunk(farm.database, work_id=chunk.work_id, fence=chunk.fence, warm=True)
        files = {ordinal: picture(brightness[ordinal], folder) for ordinal in chunk.ordinals}
        commits = [await _commit(farm, job_id, ordinal, path) for ordinal, path in files.items()]
        done = await commit_frames(
            farm.database,
            work_id=chunk.work_id,
            fence=chunk.fence,
            replica_id=replica_id,
            frames=commits,
            needs_preview=True,
        )
        left -= len(done or ())


async def _commit(farm: InProcessFarm, job_id: UUID, ordinal: int, path: Path) -> FrameCommit:
    attempt = uuid4()
    key = f"artifacts/{job_id}/{ordinal}/{attempt}/frame.png"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    stored = await farm.storage.put_artifact(key, path, media_type="image/png")
    file = NewArtifact(
        kind="frame",
        name="frame.png",
        storage_key=key,
        size_bytes=stored.size_bytes,
        sha256=digest,
        media_type="image/png",
        width=SIZE[0],
        height=SIZE[1],
    )
    return FrameCommit(
        ordinal=ordinal,
        frame=ordinal + 1,
        attempt_id=attempt,
        started_at=time.time(),
        engine_ms=0.0,
        artifacts=[file],
    )


async def flags_when_previewed(farm: InProcessFarm, brightness: Sequence[int], folder: Path) -> list[Any]:
    farm.limits = FarmLimits(lease=timedelta(minutes=5))  # nobody beats for the replica that this test plays
    farm.start_dispatcher()
    job_id = await farm.submit(frames=f"1-{len(brightness)}", reuse=False)
    await render(farm, job_id, brightness, folder)
    total = len(brightness)
    await farm.until(
        lambda: farm.rows("select 1 from artifact where kind = 'preview' having count(*) = :total", total=total)
    )
    job = await farm.ended(job_id)
    assert (job.state, job.committed) == ("succeeded", total)
    rows = await farm.rows("select ordinal, flag, detail from frame_flag where job_id = :id order by 1", id=job_id)
    assert job.suspects == len(rows)
    events = await farm.rows("select data from event where job_id = :id and kind = 'frames.suspect'", id=job_id)
    told = [(frame["ordinal"], frame["flag"]) for row in events for frame in row.data["frames"]]
    assert sorted(told) == [(row.ordinal, row.flag) for row in rows]
    return [(row.ordinal, row.flag) for row in rows]


async def test_a_black_and_a_flickering_frame_are_flagged_and_stay_committed(
    farm: InProcessFarm, tmp_path: Path
) -> None:
    brightness = [110, 112, 0, 111, 110, 112, 190, 111, 110]
    assert await flags_when_previewed(farm, brightness, tmp_path) == [(2, "black"), (6, "flicker")]


async def test_a_fade_to_black_and_a_cut_are_not_suspect(farm: InProcessFarm, tmp_path: Path) -> None:
    assert await flags_when_previewed(farm, [120, 80, 40, 8, 0, 0, 0, 200, 202, 201], tmp_path) == []
