"""Scenes of every pipeline as claims of a replica, what an engine of their own makes of them, and who is alive."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
from pydantic import SecretStr

from cluster.engines import EngineRoom
from db.queue import ClaimedChunk
from jobs.spec import JobSpec
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from pipelines.base import FrameRequest, ModelFiles
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from storage.base import Storage
from storage.open import open_storage
from storage.settings import StorageSettings
from tests.pipelines.diffusion_stage import SLOW_MACHINE
from tests.pipelines.splat_files import make_cloud, ply_bytes

PROJECT = uuid4()
SPLAT_SIZE = {"width": 24, "height": 16, "device": "cpu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model, and the settings that its frames are rendered with."""

    kind: ModelKind
    main: str
    files: Mapping[str, bytes]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fake(cls, number: int, ballast_bytes: int = 0) -> Case:
        content = json.dumps({"number": number, "resident_bytes": ballast_bytes}).encode()
        return cls(kind=ModelKind.FAKE, main="scene.fake", files={"scene.fake": content}, settings={"seed": number})

    @classmethod
    def splats(cls, seed: int, gaussians: int = 100) -> Case:
        cloud = ply_bytes(make_cloud(gaussians, degree=0, seed=seed))
        return cls(kind=ModelKind.SPLATS, main="ball.ply", files={"ball.ply": cloud}, settings=SPLAT_SIZE)

    @classmethod
    def folder(cls, kind: ModelKind, root: Path, main: str, **settings: Any) -> Case:
        files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
        return cls(kind=kind, main=main, files=files, settings=settings)

    @property
    def manifest(self) -> Manifest:
        files = tuple(
            ManifestFile(path=path, digest=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
            for path, content in self.files.items()
        )
        return Manifest(kind=self.kind, main=self.main, files=files)

    def chunk(self, frame: int = 1, *, project: UUID = PROJECT) -> ClaimedChunk:
        """A claim on one of its frames."""
        wish = {"pipeline": self.kind.pipeline, "model": uuid4(), "frames": str(frame), "settings": dict(self.settings)}
        return ClaimedChunk(
            work_id=1,
            fence=1,
            job_id=uuid4(),
            project_id=project,
            generation=1,
            ordinals=[0],
            frames=[frame],
            pipeline=self.kind.pipeline,
            model_id=uuid4(),
            model_digest=self.manifest.digest(),
            manifest=self.manifest.model_dump(mode="json"),
            spec=JobSpec.model_validate(wish).model_dump(mode="json"),
            tries=0,
        )

    async def store(self, storage: Storage) -> None:
        for content in self.files.values():

            async def chunks(content: bytes = content) -> AsyncIterator[bytes]:
                yield content

            await storage.put_blob(hashlib.sha256(content).hexdigest(), chunks())


@asynccontextmanager
async def storage_in(folder: Path) -> AsyncIterator[Storage]:
    settings = StorageSettings(url=folder.as_uri(), signing_key=SecretStr("a-signing-key-of-a-test-only-0123456789"))
    opened = open_storage(settings)
    yield opened
    await opened.close()


async def render(room: EngineRoom, chunk: ClaimedChunk) -> tuple[bytes, bool]:
    """The picture, and whether its model was loaded before."""
    spec = JobSpec.model_validate(chunk.spec)
    async with room.use(chunk, spec, stop=asyncio.Event()) as lease:
        warm, scratch = lease.warm, lease.scratch_for(uuid4())
        request = FrameRequest(id="x", frame=chunk.frames[0], settings=spec.settings, scratch=scratch)
        output = await lease.host.render(request)
        picture = output.main.read_bytes()
        lease.discard_scratch(scratch)
    return picture, warm


async def render_alone(case: Case, folder: Path, frames: Iterable[int] = (1,)) -> dict[int, bytes]:
    """The same frames by an engine of their own, which has never seen another model."""
    root, work = folder / "model", folder / "work"
    for path, content in case.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    settings = JobSpec.model_validate(case.chunk().spec).settings
    host = await EngineHost.start(
        pipeline=get_pipeline(case.kind.pipeline), workdir=work, models=(root,), settings=SLOW_MACHINE
    )
    try:
        await host.load(ModelFiles(digest=case.manifest.digest(), root=root, main=case.main))
        made = {}
        for frame in frames:
            request = FrameRequest(id="x", frame=frame, settings=settings, scratch=work / f"frame-{frame}")
            made[frame] = (await host.render(request)).main.read_bytes()
        return made
    finally:
        await host.kill()


def engines() -> list[psutil.Process]:
    """Live engine processes of this test."""
    found = []
    for child in psutil.Process().children():
        try:
            if "pipelines.worker" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


@dataclass(slots=True)
class Watch:
    """The most engines, and the most memory that they held, at any time that was looked at."""

    engines: int = 0
    all_bytes: int = 0
    one_bytes: int = 0

    async def run(self) -> None:
        while True:
            held = [rss for process in engines() if (rss := _rss(process))]
            self.engines = max(self.engines, len(held))
            self.all_bytes = max(self.all_bytes, sum(held))
            self.one_bytes = max(self.one_bytes, *held, 0)
            await asyncio.sleep(0.02)


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
