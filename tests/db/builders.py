"""Builders of what a test of the database starts from; each takes keyword overrides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, text

from db.bootstrap import ensure_project
from db.session import Database
from db.submit import submit_job
from db.tables import MODEL
from jobs.spec import JobSpec

CLUSTER = "test-cluster"


@dataclass(frozen=True, slots=True)
class Farm:
    """A database with one project and one model that is ready."""

    db: Database
    project_id: UUID
    model_id: UUID

    @classmethod
    async def create(cls, db: Database) -> Farm:
        async with db.transaction() as tx:
            project_id = await ensure_project(tx, slug="default", name="Default")
        return cls(db, project_id, await add_model(db, project_id=project_id))

    def spec(self, **overrides: Any) -> JobSpec:
        values: dict[str, Any] = {"model": self.model_id, "pipeline": "fake", "frames": "1-10", "order": "sequential"}
        return JobSpec.model_validate({**values, "outputs": {"video": None}, **overrides})

    async def submit(self, **overrides: Any) -> UUID:
        async with self.db.transaction() as tx:
            return (await submit_job(tx, project_id=self.project_id, spec=self.spec(**overrides))).id

    async def rows(self, query: str, **parameters: Any) -> list[Any]:
        async with self.db.transaction() as tx:
            return list((await tx.execute(text(query), parameters)).all())

    async def one(self, query: str, **parameters: Any) -> Any:
        [row] = await self.rows(query, **parameters)
        return row

    async def job(self, job_id: UUID) -> Any:
        return await self.one("select * from job where id = :id", id=job_id)

    async def events(self, job_id: UUID) -> list[tuple[int, str, Any]]:
        rows = await self.rows("select seq, kind, data from event where job_id = :id order by seq", id=job_id)
        return [(row.seq, row.kind, row.data) for row in rows]

    async def execute(self, command: str, **parameters: Any) -> None:
        async with self.db.transaction() as tx:
            await tx.execute(text(command), parameters)


async def add_model(db: Database, *, project_id: UUID, digest: str | None = None, state: str = "ready") -> UUID:
    model_id = uuid4()
    async with db.transaction() as tx:
        await tx.execute(
            insert(MODEL).values(
                id=model_id,
                project_id=project_id,
                name="sphere",
                kind="fake",
                digest=digest or model_id.hex * 2,
                manifest={"kind": "fake", "main": "scene", "files": [], "remap": {}},
                state=state,
                created_at=func.now(),
                updated_at=func.now(),
            )
        )
    return model_id
