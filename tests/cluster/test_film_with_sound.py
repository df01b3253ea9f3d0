"""A job whose scene has sound: its film has it too, from the probe of the model to the file."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from jobs.states import JobState
from models.kinds import ModelKind
from tests.cluster.in_process import InProcessFarm
from tests.cluster.test_post_steps import done, fetched
from tests.pipelines.conftest import run_blender

SETTINGS = {"resolution_x": 32, "resolution_y": 18, "percentage": 100, "samples": 1}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A .blend with the tone inside, which sounds from frame 13 on."""
    folder = tmp_path_factory.mktemp("sound")
    run_blender("build_sound.py", folder)
    return (folder / "packed.blend").read_bytes()


def loudness(film: Path) -> float:
    """Root mean square of the sound, full scale 1."""
    with av.open(str(film)) as file:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(audio=0)])
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


async def test_the_film_of_a_scene_with_sound_has_it_and_a_step_leaves_it_out(
    farm: InProcessFarm, tmp_path: Path, packed: bytes
) -> None:
    farm.start_dispatcher()
    model = await farm.model(packed, ModelKind.BLENDER, "scene.blend")
    [row] = await farm.rows("select probe from model where id = :id", id=model)
    assert row.probe["details"]["sound"] is True
    farm.start_replica()
    outputs = {"video": {"preview": "none", "audio": "scene"}, "previews": False}
    job = await farm.ended(
        await farm.submit(
            model=model, pipeline="cycles", frames="15-18", settings=dict(SETTINGS), outputs=outputs, name="shot"
        )
    )
    assert job.state is JobState.SUCCEEDED, job.message
    assert loudness(await fetched(farm, job.id, "shot.mp4", tmp_path)) > 0.1
    silent = await done(farm, job.id, [0, 1, 2, 3], step="video", audio="none")
    assert silent.result is not None, silent.error
    assert (silent.result["sound"], silent.result["silent_because"]) == (False, "it was asked for without sound")
    with av.open(str(await fetched(farm, job.id, silent.result["files"][0], tmp_path))) as film:
        assert not film.streams.audio
    refused = await done(farm, job.id, [0, 2], step="video", audio="scene")
    assert "its frames do not follow each other" in str(refused.error)
