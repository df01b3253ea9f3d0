"""``/v1/jobs/{id}/blocklist``: machines that failed a job too often, and their reset."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import AfterValidator

from db.queue import list_blocks, reset_block
from jobs.errors import NotFound
from jobs.spec import plain_text
from serve_app.dependencies import Audit, Tx
from serve_app.jobs.schemas import BlockView
from serve_app.jobs.service import require_job
from serve_app.paging import Page
from serve_app.security import Access

NodeName = Annotated[str, Path(max_length=255), AfterValidator(plain_text)]

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("/{job_id}/blocklist")
async def list_blocklist(job_id: UUID, access: Access, tx: Tx) -> Page[BlockView]:
    """Machines on which the job has failed, and those that get no more of it."""
    job = await require_job(tx, project_id=access.project_id, job_id=job_id)
    return Page(
        items=[
            BlockView(
                node=row.node,
                pipeline=row.pipeline,
                failures=row.failures,
                blocked=row.blocked_at is not None,
                blocked_at=row.blocked_at,
            )
            for row in await list_blocks(tx, job_id=job.id)
        ]
    )


@router.delete("/{job_id}/blocklist/{node}", status_code=204)
async def reset_blocklist(job_id: UUID, node: NodeName, access: Access, tx: Tx, trail: Audit) -> None:
    """Forget what a machine has cost the job, so that it gets work of it again."""
    job = await require_job(tx, project_id=access.project_id, job_id=job_id)
    if not await reset_block(tx, job_id=job.id, node=node):
        raise NotFound(
            f"The job has never failed on {node!r}.", remedy=f"GET /v1/jobs/{job_id}/blocklist lists the machines."
        )
    trail.note("job", job.id, before={"node": node})
