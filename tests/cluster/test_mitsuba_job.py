"""A job of the mitsuba pipeline, from the probe of its scene to the merged frame."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import numpy as np

from jobs.states import EndReason, JobState
from models.kinds import ModelKind
from pipelines.mitsuba.picture import read_exr
from tests.cluster.in_process import InProcessFarm

CORNELL = Path(__file__).resolve().parents[2] / "examples" / "cornell.xml"


async def test_a_scene_is_probed_and_its_frames_rendered_in_parts_become_one_picture(
    farm: InProcessFarm, tmp_path: Path
) -> None:
    farm.start_dispatcher()
    model = await farm.model(CORNELL.read_bytes(), ModelKind.MITSUBA, "cornell.xml")
    [row] = await farm.rows("select probe from model where id = :id", id=model)
    assert row.probe["cameras"] == ["front"]
    farm.start_replica()
    settings = {"variant": "scalar_rgb", "width": 24, "height": 16, "spp": 6, "format": "exr", "aovs": ["depth"]}
    job_id = await farm.submit(
        model=model, pipeline="mitsuba", frames="3", settings=settings, split={"mode": "samples", "parts": 2}
    )
    job = await farm.ended(job_id)
    assert (job.state, job.end_reason, job.committed) == (JobState.SUCCEEDED, EndReason.OK, 1)
    [artifact] = await farm.rows(
        "select storage_key, name, width, height from artifact where job_id = :id and kind = 'frame'", id=job_id
    )
    assert (artifact.name, artifact.width, artifact.height) == ("frame_0003.exr", 24, 16)
    target = tmp_path / f"{uuid4().hex}.exr"
    await farm.storage.fetch(artifact.storage_key, target)
    layers, _ = read_exr(target)
    assert set(layers) == {"R", "G", "B", "depth.T"}
    assert all(np.isfinite(values).all() for values in layers.values())
    assert float(layers["R"][8, 2]) > 2 * float(layers["B"][8, 2])  # the left wall is red
    [attempts] = await farm.rows("select count(*) as n from attempt where outcome = 'ok'")
    assert attempts.n == 2 + 1
