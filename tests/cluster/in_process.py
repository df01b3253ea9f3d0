"""A farm in one process: real database, storage on disk, engines in child processes; only Ray is left out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import text

from cluster.dispatcher import Dispatcher
from cluster.fanout.news import Hear
from cluster.fanout.runner import TaskLauncher, TaskRunner
from cluster.fanout.tasks import execute_all
from cluster.loops.base import Loop
from cluster.loops.expirer import Expirer
from cluster.loops.finisher import Finisher
from cluster.loops.releaser import Releaser
from cluster.loops.rescuer import Rescuer
from cluster.loops.runner import LoopRunner
from cluster.loops.settings import LoopSettings
from cluster.replica import Replica, ReplicaIdentity
from cluster.settings import ClusterSettings
from db.bootstrap import ensure_project
from db.cancel import cancel_job
from db.dispatch import ClaimedTask
from db.repositories.blobs import record_blob
from db.repositories.jobs import JobRow, get_job
from db.repositories.models import get_model
from db.session import Database, Transaction
from db.settings import DatabaseSettings
from db.submit import register_model, submit_job
from jobs.limits import FarmLimits
from jobs.planning import PlanSettings
from jobs.spec import JobSpec
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from pipelines.settings import EngineSettings
from serve_app.jobs.admission import require_renderable
from serve_app.models.schemas import ModelState
from storage.base import Storage
from storage.open import open_storage
from storage.settings import StorageSettings

WAIT_S = 60.0
"""Seconds that any wait of these tests may take; a farm that works needs a few."""


class InProcessLauncher:
    """Runs a task in a thread: what a Ray worker does, without the worker."""

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        news = execute_all(tasks)
        while (item := await asyncio.to_thread(next, news, None)) is not None:
            await hear(item)


@dataclass(kw_only=True)
class InProcessFarm:
    """Starts dispatchers and replicas as tasks of the test's loop."""

    database: Database
    database_settings: DatabaseSettings
    storage: Storage
    settings: ClusterSettings
    project_id: UUID
    limits: FarmLimits = field(
        default_factory=lambda: FarmLimits(beat=timedelta(seconds=0.3), lease=timedelta(seconds=1.5))
    )
    plan_settings: PlanSettings = field(default_factory=PlanSettings)
    loop_settings: LoopSettings = field(default_factory=LoopSettings)
    engine_settings: EngineSettings = field(default_factory=EngineSettings)
    launcher: TaskLauncher = field(default_factory=InProcessLauncher)
    _running: dict[object, asyncio.Task[None]] = field(default_factory=dict)

    def start_dispatcher(self, *, drains: Loop | None = None) -> Dispatcher:
        holder = uuid4()
        dispatcher = Dispatcher(
            database=self.database,
            database_settings=self.database_settings,
            settings=self.settings,
            limits=self.limits,
            plan_settings=self.plan_settings,
            tasks=TaskRunner(database=self.database, settings=self.settings, holder=holder, launcher=self.launcher),
            holder=holder,
        )
        self._running[dispatcher] = asyncio.create_task(self._lead(dispatcher, drains), name="dispatcher")
        return dispatcher

    async def _lead(self, dispatcher: Dispatcher, drains: Loop | None) -> None:
        """As the deployment: the dispatcher, and beside it the loops that repair."""
        async with asyncio.TaskGroup() as group:
            group.create_task(dispatcher.run(), name="dispatcher-run")
            group.create_task(self.loops(drains).run(), name="loops-run")

    def loops(self, drains: Loop | None = None) -> LoopRunner:
        rescuer = Rescuer(
            database=self.database, settings=self.loop_settings, limits=self.limits, task_lease=self.limits.lease
        )
        return LoopRunner(
            database=self.database,
            settings=self.settings,
            loop_settings=self.loop_settings,
            loops=[
                rescuer,
                Finisher(database=self.database, settings=self.loop_settings),
                Expirer(database=self.database, every=self.settings.expire_every, batch=self.settings.control_batch),
                Releaser(database=self.database, every=self.settings.release_every, batch=self.settings.control_batch),
                *([drains] if drains is not None else []),
            ],
        )

    def start_replica(self, *, database: Database | None = None, **identity: Any) -> Replica:
        replica = Replica(
            identity=ReplicaIdentity(
                cluster_id=self.settings.id, pool="default", node="n1", serve_id="s1", device_class="cpu", **identity
            ),
            database=database or self.database,
            database_settings=self.database_settings,
            storage=self.storage,
            settings=self.settings,
            limits=self.limits,
            engine_settings=self.engine_settings,
        )
        self._running[replica] = asyncio.create_task(replica.run(), name="replica")
        return replica

    async def kill(self, part: Dispatcher | Replica) -> None:
        """Stop it in the middle of whatever it does, with no word to anybody."""
        task = self._running.pop(part)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def model(
        self, content: bytes = b"fake scene", kind: ModelKind = ModelKind.FAKE, main: str = "scene.fake"
    ) -> UUID:
        """A registered model of one file that is ready; needs a dispatcher that runs its probe."""
        model_id = await self.register(content, kind, main)
        await self.until(lambda: self.rows("select 1 from model where id = :id and state = 'ready'", id=model_id))
        return model_id

    async def register(
        self, content: bytes = b"fake scene", kind: ModelKind = ModelKind.FAKE, main: str = "scene.fake"
    ) -> UUID:
        """A model of one file, which waits for its probe."""
        digest = hashlib.sha256(content).hexdigest()
        await self.storage.put_blob(digest, _pieces(content))
        file = ManifestFile(path=main, digest=digest, size_bytes=len(content))
        return await self._register(Manifest(kind=kind, main=main, files=(file,)))

    async def _register(self, manifest: Manifest) -> UUID:
        async with self.database.transaction() as tx:
            for file in manifest.files:
                await record_blob(tx, project_id=self.project_id, digest=file.digest, size_bytes=file.size_bytes)
            registered = await register_model(
                tx,
                project_id=self.project_id,
                name="scene",
                manifest_json=manifest.model_dump(mode="json"),
                kind=manifest.kind,
                digest=manifest.digest(),
                max_models=999,
            )
        return registered.id

    async def folder_model(self, folder: Path, kind: ModelKind, main: str) -> UUID:
        """A registered model of all files below a folder that is ready; needs a dispatcher that runs its probe."""
        files = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            await self.storage.put_blob(digest, _pieces(content))
            name = path.relative_to(folder).as_posix()
            files.append(ManifestFile(path=name, digest=digest, size_bytes=len(content)))
        model_id = await self._register(Manifest(kind=kind, main=main, files=tuple(files)))
        await self.until(lambda: self.rows("select 1 from model where id = :id and state = 'ready'", id=model_id))
        return model_id

    async def submit(self, *, model: UUID | None = None, settings: dict[str, Any] | None = None, **spec: Any) -> UUID:
        values = {"pipeline": "fake", "outputs": {"video": None}, "settings": settings or {}, **spec}
        values["model"] = model or await self.model()
        asked = JobSpec.model_validate(values)
        async with self.database.transaction() as tx:
            await _admit(tx, asked)
            job = await submit_job(tx, project_id=self.project_id, spec=asked)
        return job.id

    async def cancel(self, job_id: UUID) -> None:
        async with self.database.transaction() as tx:
            await cancel_job(tx, job_id=job_id)

    async def job(self, job_id: UUID) -> JobRow:
        async with self.database.transaction() as tx:
            row = await get_job(tx, job_id=job_id)
        assert row is not None
        return row

    async def ended(self, job_id: UUID) -> JobRow:
        """The job, once it has ended."""
        return await self.until(lambda: self._ended(job_id))

    async def _ended(self, job_id: UUID) -> JobRow | None:
        row = await self.job(job_id)
        return row if row.ended_at is not None else None

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.database.transaction() as tx:
            return list((await tx.execute(text(query), values)).all())

    async def until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        """The first answer of ``look`` that is true."""
        async with asyncio.timeout(WAIT_S):
            while not (answer := await look()):
                await asyncio.sleep(0.02)
            return answer

    async def close(self) -> None:
        for part in list(self._running):
            await self.kill(part)  # type: ignore[arg-type]


async def _admit(tx: Transaction, spec: JobSpec) -> None:
    """What the API asks of a model that its probe has opened: no test renders what no user could ask for."""
    model = await get_model(tx, model_id=spec.model)
    if model is not None and model.state == ModelState.READY:
        require_renderable(
            spec=spec, kind=model.kind, state=model.state, probe=model.probe, problem=model.problem, missing=[]
        )


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


@contextlib.asynccontextmanager
async def in_process_farm(database_settings: DatabaseSettings, home: Path) -> AsyncIterator[InProcessFarm]:
    database = Database(database_settings)
    storage = open_storage(
        StorageSettings(
            url=(home / "storage").as_uri(), signing_key=SecretStr("a-signing-key-of-a-test-only-0123456789")
        )
    )
    async with database.transaction() as tx:
        project_id = await ensure_project(tx, slug="default", name="Default")
    farm = InProcessFarm(
        database=database,
        database_settings=database_settings,
        storage=storage,
        settings=ClusterSettings(
            cache_dir=home / "cache", tick_every=timedelta(seconds=0.2), previews_every=timedelta(seconds=1)
        ),
        project_id=project_id,
    )
    try:
        yield farm
    finally:
        await farm.close()
        await storage.close()
        await database.close()
