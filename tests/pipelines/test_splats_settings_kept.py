"""The splat engine reads the settings of a job once, and those of the next job anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineError
from pipelines.splats import settings as settings_module
from pipelines.splats.cameras import CameraPath, parse_path
from pipelines.splats.engine import SplatsEngine
from tests.pipelines.splat_files import make_cloud, ply_bytes, write
from tests.pipelines.test_splats_cameras import IDENTITY, path

NEAR, FAR = ([*IDENTITY[:11], z, *IDENTITY[12:]] for z in (4, 9))


def test_cameras_are_read_once_for_all_frames_of_a_job_and_anew_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []

    def counting(data: Any) -> CameraPath:
        read.append(data)
        return parse_path(data)

    monkeypatch.setattr(settings_module, "parse_path", counting)
    write(tmp_path / "model", "ball.ply", ply_bytes(make_cloud(50, degree=0)))
    engine = SplatsEngine()
    engine.load(ModelFiles(digest="b" * 64, root=tmp_path / "model", main="ball.ply"))
    made = 0

    def draw(frame: int, **settings: Any) -> bytes:
        nonlocal made
        made += 1
        scratch = tmp_path / str(made)
        scratch.mkdir()
        fresh = json.loads(json.dumps(settings))  # as it comes out of the pipe to the engine
        request = FrameRequest(id="x", frame=frame, settings=fresh, scratch=scratch)
        with Image.open(engine.render(request, lambda *_: None).main) as picture:
            return np.asarray(picture).tobytes()

    def inline(pose: list[Any]) -> dict[str, Any]:
        cameras = [{"camera_to_world": pose, "fov": 40}] * 3
        return {"type": "inline", "data": path(camera_path=cameras, render_width=16, render_height=12)}

    first = {draw(frame, device="cpu", cameras=inline(NEAR)) for frame in (1, 2, 3)}
    assert len(read) == 1
    with pytest.raises(EngineError, match="not valid"):
        draw(1, device="cpu", cameras=inline(NEAR), near=-1)
    other = draw(1, device="cpu", cameras=inline(FAR))
    again = draw(1, device="cpu", cameras=inline(NEAR))

    assert first == {again} != {other}
