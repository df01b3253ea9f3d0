"""``/v1/jobs/{id}/deliveries``: which files are in the project's bucket, and which are not, and why."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from db import deliveries
from db.deliveries import DeliveryRow
from jobs.frames import FrameRange
from serve_app.deliveries.schemas import DeliveriesRetried, DeliveryState, JobDeliveryView
from serve_app.dependencies import Audit, PageQuery, Tx
from serve_app.jobs.service import require_job
from serve_app.paging import Page, cursor_of
from serve_app.security import Access

router = APIRouter(prefix="/jobs/{job_id}/deliveries", tags=["delivery"])


@router.get("")
async def list_job_deliveries(
    job_id: UUID,
    access: Access,
    tx: Tx,
    page: PageQuery,
    state: Annotated[list[DeliveryState] | None, Query(description="Only these.")] = None,
) -> Page[JobDeliveryView]:
    """Files of the job for the project's bucket, in the order in which they were first committed."""
    job = await require_job(tx, project_id=access.project_id, job_id=job_id)
    after = page.after(_number)
    rows = await deliveries.list_job_deliveries(
        tx, job_id=job_id, states=state, limit=page.limit + 1, after=None if after is None else int(after[0])
    )
    shown, frames = rows[: page.limit], FrameRange.parse(job.spec["frames"])
    return Page(
        items=[_view_of(row, frames) for row in shown],
        next_cursor=cursor_of(shown[-1].id) if len(rows) > len(shown) else None,
    )


@router.post("/retry", status_code=202)
async def retry_job_deliveries(job_id: UUID, access: Access, tx: Tx, trail: Audit) -> DeliveriesRetried:
    """Try at once what was given up, or waits for its next attempt."""
    await require_job(tx, project_id=access.project_id, job_id=job_id)
    files = await deliveries.retry_job_deliveries(tx, job_id=job_id)
    trail.note("job", job_id, after={"files": files})
    return DeliveriesRetried(files=files)


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError(text)
    return number


def _view_of(row: DeliveryRow, frames: FrameRange) -> JobDeliveryView:
    has_place = row.path is not None and row.bucket is not None
    return JobDeliveryView(
        artifact=row.artifact_id,
        kind=row.kind,
        name=row.name,
        frame=None if row.ordinal is None else frames[row.ordinal],
        generation=row.generation,
        destination=row.destination_id,
        object=f"s3://{row.bucket}/{row.prefix}{row.path}" if has_place else None,
        size_bytes=row.size_bytes,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        error=row.error,
        next_attempt_at=row.next_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        delivered_at=row.delivered_at,
    )
