"""The farm's own replica with an engine that is done at once and a storage that keeps nothing: ``python -m`` it.

Claim, start, batches, fences, beats, listening and commits are the product's; an attempt's folder, its file and the
upload are left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import resource
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from cluster.committer import Committer
from cluster.engines import EngineLease, EngineRoom
from cluster.finished_frames import FinishedFrame
from cluster.logs import configure_logging
from cluster.replica import Replica, ReplicaIdentity
from cluster.settings import ClusterSettings
from db.queue import ClaimedChunk
from db.session import Database
from db.settings import DatabaseSettings
from jobs.limits import FarmLimits
from jobs.spec import JobSpec
from pipelines.base import FrameOutput, FrameRequest, OutputFormat
from pipelines.host import EngineHost
from pipelines.post.pixels import PictureFacts
from pipelines.settings import EngineSettings
from storage.base import ArtifactUpload, Storage, StoredObject

_SIZE = PictureFacts(16, 9)
_TIMINGS = {"render": 0.0, "write": 0.0}
_METRICS = {"samples": 1}


class NoOpHost:
    """Stands where an engine's child process would."""

    alive = True
    log_tail = ""
    log_mark = 0

    def log_since(self, position: int) -> str:
        return ""

    async def render(self, request: FrameRequest, on_progress: object) -> FrameOutput:
        return FrameOutput(main=request.scratch / "frame.png", timings_ms=_TIMINGS, metrics=_METRICS)

    async def kill(self) -> None: ...


class NoOpLease(EngineLease):
    """An attempt's folder is named and not made."""

    def scratch_for(self, attempt_id: UUID) -> Path:
        return Path("/nonexistent") / attempt_id.hex

    def discard_scratch(self, scratch: Path) -> None: ...


class NoOpRoom:
    """Every model is resident."""

    @contextlib.asynccontextmanager
    async def use(self, chunk: ClaimedChunk, spec: JobSpec, *, stop: asyncio.Event) -> AsyncIterator[EngineLease]:
        png = OutputFormat(extension=".png", media_type="image/png")
        yield NoOpLease(host=cast(EngineHost, NoOpHost()), output_format=png, warm=True)

    def residents(self) -> list[dict[str, Any]]:
        return []

    def sandbox(self) -> None:
        return None

    def trouble(self) -> dict[str, str]:
        return {}

    async def close(self) -> None: ...


class NoOpStorage:
    """Takes every file as read."""

    async def put_artifacts(self, uploads: list[ArtifactUpload], *, consume: bool = False) -> list[StoredObject]:
        return [
            StoredObject(
                key=upload.key,
                size_bytes=1000,
                sha256=hashlib.sha256(upload.key.encode()).hexdigest(),
                media_type=upload.media_type,
            )
            for upload in uploads
        ]


class NoOpCommitter(Committer):
    """Looks into no file."""

    async def _check(self, frames: list[FinishedFrame]) -> list[tuple[FinishedFrame, PictureFacts]]:
        return [(finished, _SIZE) for finished in frames]


class NoOpReplica(Replica):
    """The product's, with the three parts above."""

    def __init__(self, *, database: Database, settings: ClusterSettings, **parts: Any) -> None:
        storage = cast(Storage, NoOpStorage())
        super().__init__(database=database, storage=storage, settings=settings, **parts)
        self._engines = cast(EngineRoom, NoOpRoom())
        self._committer = NoOpCommitter(
            database=database,
            storage=storage,
            replica_id=self.identity.id,
            settings=settings,
            on_bad_picture=self._bad_picture,
            on_superseded=self._superseded,
        )


async def main() -> None:
    """Until SIGTERM; then its peak memory in bytes on stdout."""
    configure_logging(30)
    database_settings = DatabaseSettings()
    database, settings = Database(database_settings), ClusterSettings()
    replica = NoOpReplica(
        identity=ReplicaIdentity(
            cluster_id=settings.id, pool="default", node="bench", serve_id=str(os.getpid()), device_class="cpu"
        ),
        database=database,
        database_settings=database_settings,
        settings=settings,
        limits=FarmLimits(),
        engine_settings=EngineSettings(),
    )
    running = asyncio.create_task(replica.run(), name="replica")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        await replica.drain("the bench is over")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await database.close()
    shutil.rmtree(settings.cache_dir, ignore_errors=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
