"""A farm whose rendered frames are pictures, as pages show them."""

from __future__ import annotations

import asyncio
import colorsys
import hashlib
import io
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from uuid import uuid4

from PIL import Image, ImageDraw

from db.queue import ClaimedChunk, FrameCommit, NewArtifact, commit_frames
from tests.serve_app.farm import ApiFarm

SIZE = (320, 180)
_MEDIA_TYPES = {"png": "image/png", "webp": "image/webp", "exr": "image/x-exr"}


class PicturedFarm(ApiFarm):
    """Each frame has a PNG and the preview that the farm makes of it."""

    async def _commit_of(self, chunk: ClaimedChunk, ordinal: int) -> FrameCommit:
        attempt_id = uuid4()
        frame = chunk.frames[chunk.ordinals.index(ordinal)]
        folder = f"artifacts/{chunk.job_id}/{ordinal}/{attempt_id}"
        files = [
            await self._file(f"{folder}/{frame:04}", kind=kind, coding=coding, content=picture(frame, coding))
            for kind, coding in (("frame", "png"), ("preview", "webp"))
        ]
        return FrameCommit(
            ordinal=ordinal,
            frame=frame,
            attempt_id=attempt_id,
            started_at=0.0,
            engine_ms=412.5,
            timings_ms={"render": 412.5, "write": 1.0},
            metrics={"samples": 4},
            warm=ordinal > 0,
            artifacts=files,
        )

    async def render_exr(self, job_id: str, content: bytes) -> None:
        """The next frame of a running job, whose file is this OpenEXR."""
        replica_id, chunk = await self.claim(job_id, frames=1)
        [ordinal] = chunk.ordinals
        commit = await self._commit_of(chunk, ordinal)
        folder = f"artifacts/{job_id}/{ordinal}/{commit.attempt_id}"
        exr = await self._file(f"{folder}/{commit.frame:04}", kind="frame", coding="exr", content=content)
        previews = [each for each in commit.artifacts if each.kind == "preview"]
        done = await commit_frames(
            self.db,
            work_id=chunk.work_id,
            fence=chunk.fence,
            replica_id=replica_id,
            frames=[replace(commit, artifacts=[exr, *previews])],
        )
        assert done == [ordinal]

    async def _file(self, stem: str, *, kind: str, coding: str, content: bytes) -> NewArtifact:
        key, media_type = f"{stem}.{coding}", _MEDIA_TYPES[coding]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "picture"
            source.write_bytes(content)
            await asyncio.wait_for(self.storage.put_artifact(key, source, media_type=media_type), 30)
        return NewArtifact(
            kind=kind,
            name=Path(key).name,
            storage_key=key,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            media_type=media_type,
            width=SIZE[0],
            height=SIZE[1],
        )


@cache
def picture(frame: int, coding: str = "png") -> bytes:
    """A sun that goes down over a hill, so that a film of it can be told from a still."""
    width, height = SIZE
    share = (frame % 48) / 48
    sky = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(0.58 + 0.45 * share, 0.55, 0.9 - 0.5 * share))
    image = Image.new("RGB", SIZE, sky)
    draw = ImageDraw.Draw(image)
    x, y = width * (0.15 + 0.7 * share), height * (0.25 + 0.55 * share)
    draw.ellipse((x - 22, y - 22, x + 22, y + 22), fill=(255, 214, 120))
    draw.ellipse((-width * 0.2, height * 0.68, width * 1.2, height * 1.9), fill=(24, 48, 52))
    stored = io.BytesIO()
    image.save(stored, format=coding.upper())
    return stored.getvalue()
