"""The engines that a replica keeps resident: one child process per (project, pipeline, model), evicted by bytes.

A live engine is never shared between projects. The budgets, of RAM and of video memory, count what the processes really
hold now, so an engine that grew makes room by itself. Who leaves first: an engine that died or is worn out, when its
chunk ends; then the least recently used of those not in use, one after the other, until number and bytes fit (for video
memory only those that hold some), those of models marked *keep warm* after all others. The one in use never does.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import structlog

from cluster.flights import EngineClock
from cluster.kernel_caches import KernelCaches
from cluster.node_models import NodeModels
from cluster.scratch import Scratch
from cluster.settings import ClusterSettings
from cluster.wear import Wear
from db.queue import ClaimedChunk
from jobs.errors import NotFound
from jobs.plain_files import remove_tree
from jobs.spec import JobSpec
from jobs.states import EndReason
from models.errors import BlobMismatch
from models.manifest import Manifest
from models.residency import Budget, ResidencyCache
from pipelines.base import LoadReport, ModelFiles, OutputFormat
from pipelines.errors import EngineError, EngineKilled
from pipelines.host import EngineHost
from pipelines.machine import machine_memory_bytes
from pipelines.registry import get_pipeline
from pipelines.sandbox import SandboxReport
from pipelines.settings import EngineSettings
from pipelines.video_memory import VideoMemory
from storage.base import Storage

_log = structlog.get_logger(__name__)

_RAM_SHARE = 0.6
"""Part of the machine's (or its container's) memory that resident engines may hold when no figure is set."""
_VRAM_SHARE = 0.8
"""Part of the cards' memory likewise; the rest is for what a frame takes while it renders."""
_REPLACEMENTS = 3
"""Times that a warm engine which dies while idle is loaded again before the next chunk: it may be killed for ever."""

EngineKey = tuple[UUID, str, str]
"""(project, pipeline, model digest)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWish:
    """A model that shall be loaded, for whom, and in what time."""

    project_id: UUID
    pipeline: str
    digest: str
    manifest: Mapping[str, Any]
    load_timeout: timedelta
    job_id: UUID | None = None
    """The job that waits for it, if one does."""

    @classmethod
    def of(cls, chunk: ClaimedChunk, spec: JobSpec) -> ModelWish:
        return cls(
            project_id=chunk.project_id,
            pipeline=chunk.pipeline,
            digest=chunk.model_digest,
            manifest=chunk.manifest,
            load_timeout=timedelta(seconds=spec.limits.load_timeout_s),
            job_id=chunk.job_id,
        )

    @property
    def key(self) -> EngineKey:
        return (self.project_id, self.pipeline, self.digest)


@dataclass(frozen=True, slots=True)
class _Resident:
    """An engine with its model loaded; ``release_files`` lets the node's cache have the model's files again."""

    host: EngineHost
    release_files: Callable[[], None]
    wear: Wear
    crops: bool = False
    """Its scene cuts its pictures, so that their size is nobody's to foresee."""

    def memory_bytes(self) -> int:
        return self.host.memory_bytes() if self.host.alive else 0

    def video_bytes(self) -> int:
        return self.host.video_bytes() if self.host.alive else 0

    async def close(self) -> None:
        try:
            await self.host.close()
        finally:
            self.release_files()


@dataclass(slots=True)
class EngineLease:
    """The right to render with a loaded engine, for one chunk."""

    host: EngineHost
    output_format: OutputFormat
    warm: bool
    """False until the first frame after a load."""
    frame_size: tuple[int, int] | None = None
    """Width and height that every picture must have, where the settings settle them."""
    opening_ms: float = 0.0
    """Spent on having the engine: files fetched, process started, model loaded; near 0 where it is warm."""
    wear: Wear = field(default_factory=Wear)
    clock: EngineClock = field(default_factory=EngineClock)

    def scratch_for(self, attempt_id: UUID) -> Path:
        """The folder of one attempt, below the only place that the engine may write."""
        path = self.host.workdir / attempt_id.hex
        path.mkdir()
        return path

    def discard_scratch(self, scratch: Path) -> None:
        remove_tree(scratch)


class EngineRoom:
    """Starts, keeps and evicts the engines of one replica."""

    def __init__(
        self,
        *,
        replica_id: UUID,
        storage: Storage,
        settings: ClusterSettings,
        engine_settings: EngineSettings,
        video: VideoMemory | None = None,
    ) -> None:
        """``video``: the cards that the engines use; None where there are none."""
        self._settings = settings
        self._engine_settings = engine_settings
        self._sandbox: SandboxReport | None = None
        scratch = settings.scratch_dir or settings.cache_dir / "scratch"
        self._scratch = Scratch(scratch.resolve(), replica_id.hex)
        self._models = NodeModels(storage=storage, settings=settings)
        self._kernels = KernelCaches(
            root=settings.cache_dir.resolve() / "kernels",
            project_bytes=settings.kernel_cache_bytes,
            projects=settings.kernel_cache_projects,
        )
        self._video = video
        ram = settings.engine_memory_bytes or int(machine_memory_bytes() * _RAM_SHARE)
        budgets = [Budget(limit_bytes=ram, measure=_Resident.memory_bytes)]
        if video is not None:
            vram = settings.engine_vram_bytes or int(video.total_bytes * _VRAM_SHARE)
            budgets.append(Budget(limit_bytes=vram, measure=_Resident.video_bytes))
        self._engines: ResidencyCache[EngineKey, _Resident] = ResidencyCache(
            budgets=budgets,
            max_entries=settings.max_engines,
            close=_Resident.close,
            last_to_leave=lambda key: key in self._kept,
        )
        self._kept: frozenset[EngineKey] = frozenset()
        self._warming: tuple[EngineKey, asyncio.Task[_Resident]] | None = None
        self._warmed: set[EngineKey] = set()
        """Tried since the last chunk: what did not load, or had to leave for another, is not tried for ever."""
        self._replaced: Counter[EngineKey] = Counter()
        """How often one that died while idle was let go since the last chunk."""
        self._in_use = 0

    @contextlib.asynccontextmanager
    async def use(self, chunk: ClaimedChunk, spec: JobSpec, *, stop: asyncio.Event) -> AsyncIterator[EngineLease]:
        """An engine that has the chunk's model loaded; raises ``EngineError`` when it cannot be had or ``stop`` is set.

        An engine that died while in use, or is worn, leaves the room. A frame that has run out of memory before gets
        the room for itself: every engine here is ended first, its own too, as that one holds what the failed try left.
        """
        self._in_use += 1
        try:
            self._warmed.clear()
            self._replaced.clear()
            await self._stop_warming(unless=(chunk.project_id, chunk.pipeline, chunk.model_digest))
            async with self._open_for(chunk, spec, stop) as lease:
                yield lease
        finally:
            self._in_use -= 1

    @contextlib.asynccontextmanager
    async def _open_for(self, chunk: ClaimedChunk, spec: JobSpec, stop: asyncio.Event) -> AsyncIterator[EngineLease]:
        wish = ModelWish.of(chunk, spec)
        key = wish.key
        if chunk.resource_failures:
            await self._clear()
        pipeline = get_pipeline(chunk.pipeline)
        # In a thread: those of 10,000 inline cameras take 1.8 s, in which no lease is renewed and no cancel heard.
        settings = await asyncio.to_thread(pipeline.settings_type.model_validate, spec.settings)
        began = time.monotonic()
        opening = asyncio.create_task(self._acquire(wish), name="engine-open")
        await _unless_stopped(opening, stop)
        resident, warm = opening.result()
        host = resident.host
        self._sandbox = host.sandbox or self._sandbox
        try:
            yield EngineLease(
                host=host,
                output_format=pipeline.output(settings),
                warm=warm,
                frame_size=None if resident.crops else pipeline.frame_size(settings),
                opening_ms=(time.monotonic() - began) * 1000,
                wear=resident.wear,
            )
        finally:
            try:
                await self._look_at_cards()
            finally:
                if host.alive and not resident.wear.worn:
                    await self._engines.release(key)
                else:
                    await self._engines.discard(key)

    def keep(self, keys: Collection[EngineKey]) -> None:
        """These leave after all others, from now on."""
        self._kept = frozenset(keys)

    def would_warm(self, key: EngineKey) -> bool:
        """Whether ``warm`` would load it now."""
        held = {loaded for loaded, _ in self._engines.items()}
        full = len(held) >= self._settings.max_engines and held <= self._kept
        return not (self._in_use or self._warming is not None or full or key in held | self._warmed)

    async def bury_dead(self) -> None:
        """Let engines go that died while nobody used them: their places are free, what is kept warm can come back."""
        for key, resident in self._engines.items():
            if not resident.host.alive and await self._engines.evict(key):
                self._replaced[key] += 1
                if self._replaced[key] <= _REPLACEMENTS:
                    self._warmed.discard(key)
                _log.warning("engine_died_idle", pipeline=key[1], model=key[2][:12], times=self._replaced[key])

    async def warm(self, wish: ModelWish) -> None:
        """Load a model that nobody has asked for yet; what is not kept makes room for it.

        Nothing happens while an engine is in use, when it is loaded, when all room is taken by models that are kept,
        or when it was tried since the last chunk. A chunk of another model that comes meanwhile ends the load.
        """
        key = wish.key
        if not self.would_warm(key):
            return
        self._warmed.add(key)
        task = asyncio.create_task(self._engines.acquire(key, lambda: self._open(wish)), name="engine-warm")
        self._warming = (key, task)
        try:
            await asyncio.wait({task})
        finally:
            self._warming = None
            if not task.done():  # the replica leaves
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            _log.info("engine_not_warmed", pipeline=key[1], model=key[2][:12], error="a chunk came")
        elif (error := task.exception()) is not None:
            _log.warning("engine_not_warmed", pipeline=key[1], model=key[2][:12], error=str(error))
        else:
            await self._engines.release(key)

    async def fetch(self, manifest: Manifest) -> None:
        """Bring a model's files to this node, so that who loads it later need not wait for them."""
        await self._models.fetch(manifest)

    def residents(self) -> list[dict[str, Any]]:
        """What the replica's row shows of its engines."""
        return [
            {
                "project_id": str(project),
                "pipeline": pipeline,
                "digest": digest,
                "bytes": resident.memory_bytes(),
                **({"vram_bytes": resident.video_bytes()} if self._video is not None else {}),
            }
            for (project, pipeline, digest), resident in self._engines.items()
            if resident.host.alive
        ]

    def sandbox(self) -> dict[str, Any] | None:
        """What guards the engines here, for the replica's row; None before the first has started."""
        return None if self._sandbox is None else self._sandbox.as_dict()

    def trouble(self) -> dict[str, str]:
        """What keeps a model's files from this machine (``NodeModels.trouble``)."""
        return self._models.trouble()

    async def close(self) -> None:
        await self._engines.close()
        self._scratch.close()

    async def _look_at_cards(self) -> None:
        """Before the cache looks at its budgets: how much video memory the engines hold by now."""
        if self._video is not None:
            await asyncio.to_thread(self._video.look, 0)

    async def _stop_warming(self, *, unless: EngineKey) -> None:
        if self._warming is not None and self._warming[0] != unless:
            task = self._warming[1]
            task.cancel()
            await asyncio.wait({task})

    async def _clear(self) -> None:
        for key, _ in self._engines.items():
            if await self._engines.evict(key):
                _log.info("engine_evicted_for_memory", pipeline=key[1], model=key[2][:12])

    async def _acquire(self, wish: ModelWish) -> tuple[_Resident, bool]:
        """Pinned, and whether its model was loaded before. One that died while idle is no frame's fault: it goes."""
        while True:
            warm = wish.key in self._engines
            resident = await self._engines.acquire(wish.key, lambda: self._open(wish))
            if resident.host.alive or not warm:
                return resident, warm
            await self._engines.discard(wish.key)

    async def _open(self, wish: ModelWish) -> _Resident:
        manifest = Manifest.model_validate(wish.manifest)
        try:
            root = await self._models.ensure(manifest, job_id=wish.job_id)
        except (NotFound, BlobMismatch) as error:  # the storage answers, and has the model no more
            raise EngineError(
                EndReason.MODEL_INVALID,
                f"The farm has lost a file of this model: {error.message}",
                remedy="Upload the model's files once more (register it again), then submit the job again.",
            ) from error
        release_files = functools.partial(self._models.release, manifest.cache_key())
        try:
            model = ModelFiles(digest=wish.digest, root=root, main=manifest.main, remap=dict(manifest.remap))
            host, report = await self._load(wish, model)
        except BaseException:
            release_files()
            raise
        wear = Wear(
            recycle_frames=self._engine_settings.recycle_frames,
            recycle_growth_bytes=self._engine_settings.recycle_growth_bytes,
            memory_bytes=host.memory_bytes,
        )
        return _Resident(host, release_files, wear, report.crops)

    async def _load(self, wish: ModelWish, model: ModelFiles) -> tuple[EngineHost, LoadReport]:
        self._remove_empty_folders()
        host = await EngineHost.start(
            pipeline=get_pipeline(wish.pipeline),
            # The random part keeps it from engines of others, which may hold the right to files that they can name.
            workdir=self._scratch.path / f"{wish.digest[:12]}-{uuid4().hex}",
            models=(model.root,),
            settings=self._engine_settings.model_copy(update={"load_timeout": wish.load_timeout}),
            video=self._video,
            kernels=await asyncio.to_thread(self._kernels.folder_of, wish.project_id),
        )
        try:
            report = await host.load(model)
            await self._look_at_cards()
        except BaseException:
            await host.kill()
            raise
        _log.info("engine_loaded", pipeline=wish.pipeline, model=wish.digest[:12], seconds=report.seconds)
        return host, report

    def _remove_empty_folders(self) -> None:
        """Those of engines that are gone and whose last frames are committed; a live one's is not empty."""
        for folder in self._scratch.path.iterdir():
            with contextlib.suppress(OSError):
                folder.rmdir()


async def _unless_stopped(opening: asyncio.Task[tuple[_Resident, bool]], stop: asyncio.Event) -> None:
    """Wait for the task; a stop cancels it (its engine is killed) and raises ``EngineKilled``."""
    stopping = asyncio.create_task(stop.wait(), name="engine-open-stop")
    try:
        await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not opening.done():
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
    if opening.cancelled():
        raise EngineKilled("The load was stopped.")
