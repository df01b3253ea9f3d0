"""What the audit log keeps of jobs: who made one, and what a request changed of one that exists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from fastapi import Depends

from db.repositories.jobs import get_job
from db.session import Transaction
from serve_app.audit.trail import Trail
from serve_app.dependencies import Audit, Unit
from serve_app.jobs.schemas import JobDetail
from serve_app.security import Access

_FACTS = (
    "state",
    "priority",
    "weight",
    "max_replicas",
    "start_before",
    "finish_before",
    "generation",
    "tags",
    "show",
    "shot",
)


def note_submitted(trail: Trail, job: JobDetail, *, is_new: bool) -> None:
    """The job itself keeps its whole specification, which never changes."""
    if not is_new:
        trail.nothing_changed()
        return
    names = ("name", "pipeline", "model", "frames", "priority", "cloned_from")
    trail.note("job", job.id, after={name: getattr(job, name) for name in names})


async def _note_change(job_id: UUID, access: Access, unit: Unit, trail: Audit) -> AsyncIterator[None]:
    """Ends behind the endpoint and before the commit."""
    before = await _facts(await unit.begin(), access.project_id, job_id)
    yield
    if not trail.is_told:
        trail.note_change(
            "job", job_id, before=before, after=await _facts(await unit.begin(), access.project_id, job_id)
        )


NOTED = Depends(_note_change, scope="function")
"""Among a route's ``dependencies``: what it changes of the job in its path is noted, where the route notes nothing."""


async def _facts(tx: Transaction, project_id: UUID, job_id: UUID) -> dict[str, object]:
    row = await get_job(tx, project_id=project_id, job_id=job_id)
    return {} if row is None else {name: getattr(row, name) for name in _FACTS}
