"""What a replica does ahead of its work: files of the model that it needs next, engines of models marked *keep warm*.

Neither may cost a frame: files come while another model renders, and whatever goes wrong with them is met again, and
told, by the chunk that needs them; a warm engine is loaded only while there is nothing to render, and a chunk that
comes meanwhile ends the load.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from cluster.engines import EngineRoom, ModelWish
from cluster.settings import ClusterSettings
from db.queue.ahead import staged_models
from db.repositories.models import ModelName, get_model, models_to_keep_warm
from db.session import Database
from models.manifest import Manifest
from pipelines.registry import pipeline_of_kind
from pipelines.settings import EngineSettings

_log = structlog.get_logger(__name__)


class Ahead:
    """``run`` beside the replica's work until cancelled."""

    def __init__(
        self,
        *,
        database: Database,
        replica_id: UUID,
        engines: EngineRoom,
        settings: ClusterSettings,
        engine_settings: EngineSettings,
        renders: Callable[[], bool],
    ) -> None:
        """``renders``: whether an engine renders a frame now."""
        self._database = database
        self._replica_id = replica_id
        self._engines = engines
        self._settings = settings
        self._engine_settings = engine_settings
        self._renders = renders
        self._assigned = asyncio.Event()
        self._brought: str | None = None
        """Digest of the model whose files came last."""

    def assigned(self) -> None:
        """Work was put in line for this replica."""
        self._assigned.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fetch_for_ever(), name="replica-fetch")
            group.create_task(self._warm_for_ever(), name="replica-warm")

    async def _fetch_for_ever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.unclaimed_poll.total_seconds()):
                    await self._assigned.wait()
            self._assigned.clear()
            if self._renders():  # else it is about to claim that chunk itself, or brings the files of the one in hand
                await self._contained("fetch_ahead", self.fetch_staged)

    async def _warm_for_ever(self) -> None:
        while True:
            await self._contained("keep_warm", self.keep_warm)
            await asyncio.sleep(self._settings.keep_warm_every.total_seconds())

    async def _contained(self, action: str, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception as error:
            _log.warning("ahead_failed", step=action, replica_id=str(self._replica_id), error=str(error))

    async def fetch_staged(self) -> None:
        """Bring the files of the model of the chunk that waits behind the one in hand."""
        async with self._database.transaction() as tx:
            staged = await staged_models(tx, replica_id=self._replica_id, most=1)
        loaded = {resident["digest"] for resident in self._engines.residents()}
        for model in staged:
            if model.digest in loaded or model.digest == self._brought:
                continue
            manifest = await self._manifest_of(model.id)
            if manifest is not None:
                await self._engines.fetch(manifest)
                self._brought = model.digest
                _log.info("model_fetched_ahead", model=model.digest[:12], size_bytes=manifest.size_bytes)

    async def keep_warm(self) -> None:
        """Bury engines that died, see which models shall stay, and, with nothing to render, load those missing."""
        await self._engines.bury_dead()
        async with self._database.transaction() as tx:
            models = await models_to_keep_warm(tx, limit=self._settings.max_engines)
        pipelines = {model.id: pipeline_of_kind(model.kind) for model in models}
        self._engines.keep([(model.project_id, pipelines[model.id].name, model.digest) for model in models])
        for model in models:
            if pipelines[model.id].engine_version() is not None:
                await self._warm(model, pipelines[model.id].name)

    async def _warm(self, model: ModelName, pipeline: str) -> None:
        if not self._engines.would_warm((model.project_id, pipeline, model.digest)):
            return
        manifest = await self._manifest_of(model.id)
        if manifest is not None:
            await self._engines.warm(
                ModelWish(
                    project_id=model.project_id,
                    pipeline=pipeline,
                    digest=model.digest,
                    manifest=manifest.model_dump(mode="json"),
                    load_timeout=self._engine_settings.load_timeout,
                )
            )

    async def _manifest_of(self, model_id: UUID) -> Manifest | None:
        async with self._database.transaction() as tx:
            row = await get_model(tx, model_id=model_id)
        return None if row is None else Manifest.model_validate(row.manifest)
