"""The no-op farm: an embedded PostgreSQL with fsync on, the dispatcher, and replicas, each a process of its own."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import psutil
from pydantic import SecretStr
from sqlalchemy import func, insert, text

from db.bootstrap import ensure_project
from db.migrate import upgrade
from db.session import Database
from db.settings import DatabaseSettings
from db.submit import submit_job
from db.tables import MODEL
from jobs.spec import JobSpec
from loadtests.noop.processes import memory_bytes, require_alive, running

CLUSTER = "bench"
_LOOK_EVERY_S = 0.02
_REPLICAS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One job seen from outside."""

    frames: int
    replicas: int
    accepted_s: float
    """To write the job down."""
    seconds: float
    """From before the submit until the job's row says succeeded."""
    commits: int
    """Transactions that committed frames."""
    dispatcher_bytes: int
    """Resident memory of the dispatcher at the end."""

    @property
    def per_second(self) -> float:
        return self.frames / self.seconds


@dataclass(kw_only=True)
class NoOpFarm:
    """One dispatcher and some replicas on one database."""

    database_url: str
    log: Path
    dispatcher: psutil.Popen
    replicas: list[psutil.Popen] = field(default_factory=list)

    def run_job(self, frames: str) -> JobRun:
        """Submit a job, wait for its end, and count its rows."""
        return asyncio.run(self._run_job(frames))

    async def _run_job(self, frames: str) -> JobRun:
        database = Database(DatabaseSettings(url=SecretStr(self.database_url), application_name="bench"))
        try:
            project_id, model_id = await ensure_model(database)
            await self._until_replicas_are_up(database)
            spec = JobSpec.model_validate(
                {
                    "name": "no-op",
                    "model": model_id,
                    "pipeline": "fake",
                    "frames": frames,
                    "outputs": {"video": None, "previews": False},
                    "reuse": False,
                }
            )
            begun = time.perf_counter()
            async with database.transaction() as tx:
                job_id = (await submit_job(tx, project_id=project_id, spec=spec)).id
            accepted = time.perf_counter() - begun
            await self._until_succeeded(database, job_id)
            seconds = time.perf_counter() - begun
            commits = await _require_rows(database, job_id, len(spec.frame_range))
            return JobRun(
                frames=len(spec.frame_range),
                replicas=len(self.replicas),
                accepted_s=accepted,
                seconds=seconds,
                commits=commits,
                dispatcher_bytes=memory_bytes(self.dispatcher),
            )
        finally:
            await database.close()

    async def _until_succeeded(self, database: Database, job_id: UUID) -> None:
        while True:
            async with database.transaction() as tx:
                row = (await tx.execute(text("select state, message from job where id = :id"), {"id": job_id})).one()
            if row.state == "succeeded":
                return
            if row.state in ("failed", "canceled"):
                raise RuntimeError(f"The job of the bench ended as {row.state}: {row.message}")
            require_alive([self.dispatcher, *self.replicas], self.log)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _until_replicas_are_up(self, database: Database) -> None:
        deadline = time.monotonic() + _REPLICAS_WITHIN_S
        query = text("select count(*) from replica where state = 'up' and cluster_id = :cluster")
        while time.monotonic() < deadline:
            async with database.transaction() as tx:
                up = (await tx.execute(query, {"cluster": CLUSTER})).scalar_one()
            if up >= len(self.replicas):
                return
            require_alive([self.dispatcher, *self.replicas], self.log)
            await asyncio.sleep(_LOOK_EVERY_S)
        raise RuntimeError("The replicas of the bench did not come up.")


@contextmanager
def noop_farm(*, database_url: str, replicas: int, folder: Path) -> Iterator[NoOpFarm]:
    """Migrated and running until the block ends."""
    upgrade(database_url)
    log = folder / f"noop-{replicas}.log"
    environment = {
        "RAYFARM_DATABASE_URL": database_url,
        "RAYFARM_CLUSTER_ID": CLUSTER,
        "RAYFARM_CLUSTER_CACHE_DIR": str(folder / "cache"),
        "RAYFARM_CLUSTER_SCRATCH_DIR": str(folder / "scratch"),
    }
    with ExitStack() as stack:
        dispatcher = stack.enter_context(running("loadtests.noop.dispatcher", log=log, environment=environment))
        farm = NoOpFarm(database_url=database_url, log=log, dispatcher=dispatcher)
        for _ in range(replicas):
            process = stack.enter_context(running("loadtests.noop.replica", log=log, environment=environment))
            farm.replicas.append(process)
        yield farm


async def ensure_model(database: Database) -> tuple[UUID, UUID]:
    """(project, model that is ready): nobody opens it."""
    digest = hashlib.sha256(b"no-op").hexdigest()
    async with database.transaction() as tx:
        project_id = await ensure_project(tx, slug="default", name="Default")
        found = (await tx.execute(text("select id from model where digest = :d"), {"d": digest})).scalar_one_or_none()
        model_id: UUID = found or uuid4()
        if found is None:
            await tx.execute(
                insert(MODEL).values(
                    id=model_id,
                    project_id=project_id,
                    name="no-op",
                    kind="fake",
                    digest=digest,
                    manifest={"kind": "fake", "main": "scene", "files": [], "remap": {}},
                    state="ready",
                    created_at=func.now(),
                    updated_at=func.now(),
                )
            )
    return project_id, model_id


async def _require_rows(database: Database, job_id: UUID, frames: int) -> int:
    """Every frame has one result, one attempt, one artifact, and is named by one event; returns the commits."""
    counts = (
        "select (select count(*) from frame_result where job_id = :id and state = 'committed') as results,"
        " (select count(*) from attempt where job_id = :id) as attempts,"
        " (select count(*) from artifact where job_id = :id) as artifacts,"
        " (select count(*) from event where job_id = :id and kind = 'frames.committed') as commits,"
        " (select sum(jsonb_array_length(data -> 'frames')) from event"
        "  where job_id = :id and kind = 'frames.committed') as told"
    )
    async with database.transaction() as tx:
        row = (await tx.execute(text(counts), {"id": job_id})).one()
    if (row.results, row.attempts, row.artifacts, row.told) != (frames,) * 4:
        raise RuntimeError(f"Of {frames} frames the farm kept {row._asdict()}.")
    return int(row.commits)
