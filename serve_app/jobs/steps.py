"""``/v1/jobs/{id}/steps``: denoise, upscale, tone-map, contact sheet, compare and film of frames that are there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from cluster.tracing import current_traceparent
from db.repositories.blobs import blob_size
from db.repositories.jobs import JobRow
from db.session import Transaction
from db.steps import StepRow, add_step, list_steps, without_picture
from jobs.errors import Conflict, InvalidInput, NotFound, TooLarge
from jobs.frame_actions import ordinals_in
from jobs.post_steps import CompareStep, PostStep, ToneMapStep
from jobs.spec import JobSpec
from jobs.states import WorkState
from pipelines.post.cube_lut import MAX_FILE_BYTES
from serve_app.dependencies import Audit, Tx
from serve_app.jobs.service import require_job
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.security import Access

router = APIRouter(prefix="/jobs", tags=["jobs"])

_SHOWN_STEPS = 200
"""Of one job, the newest; older ones have left only their files."""
_NAMED_FRAMES = 20
"""Frames without a file that a refusal names."""

_EXAMPLES: dict[str, Any] = {
    "clean up": {"summary": "Denoise the first ten frames", "value": {"step": "denoise", "frames": "1-10"}},
    "for the editor": {"summary": "A ProRes film of all frames", "value": {"step": "video", "codec": "prores"}},
    "what changed": {
        "summary": "Against the same frames of another job",
        "value": {"step": "compare", "with_job": "0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11"},
    },
}


class StepView(BaseModel):
    """A step behind the frames. Its files are artifacts of the job whose names begin with ``step`` and its number."""

    id: int
    job: UUID
    step: str = Field(examples=["denoise"])
    state: WorkState = Field(description="`queued`, `leased` (it runs), `done`, `failed` or `canceled`.")
    request: dict[str, Any]
    result: dict[str, Any] | None = Field(
        None, description="Once done: names of the files, and what was found (`psnr_db` is null where equal)."
    )
    error: str | None = Field(None, description="Why it failed, or what it met before it is tried again.")
    created_at: datetime
    updated_at: datetime


@router.post(
    "/{job_id}/steps", status_code=202, responses={202: {"description": "The step is queued."}, **problems(409, 413)}
)
async def add_job_step(
    job_id: UUID, step: Annotated[PostStep, Body(openapi_examples=_EXAMPLES)], access: Access, tx: Tx, trail: Audit
) -> StepView:
    """Make something of frames that are there. The job's state does not change; the files become its artifacts."""
    job = await require_job(tx, project_id=access.project_id, job_id=job_id)
    ordinals = await _wanted(tx, job, step)
    if isinstance(step, CompareStep):
        await _check_reference(tx, job, step, ordinals)
    if isinstance(step, ToneMapStep) and step.lut is not None:
        await _check_lut(tx, access.project_id, step.lut)
    row = await add_step(
        tx,
        job_id=job.id,
        request=step.model_dump(mode="json"),
        ordinals=ordinals,
        traceparent=current_traceparent(),
    )
    trail.note("job", job.id, after={"step": row.id, "request": row.request})
    return _view_of(job.id, row)


@router.get("/{job_id}/steps")
async def list_job_steps(job_id: UUID, access: Access, tx: Tx) -> Page[StepView]:
    """Steps that were asked for, newest first."""
    job = await require_job(tx, project_id=access.project_id, job_id=job_id)
    rows = await list_steps(tx, job_id=job.id, limit=_SHOWN_STEPS)
    return Page(items=[_view_of(job.id, row) for row in rows])


@router.get("/{job_id}/steps/{step_id}")
async def read_job_step(job_id: UUID, step_id: int, access: Access, tx: Tx) -> StepView:
    """One step: whether it is done, and what came of it."""
    job = await require_job(tx, project_id=access.project_id, job_id=job_id)
    rows = await list_steps(tx, job_id=job.id, step_id=step_id) if 0 < step_id < 2**63 else []
    if not rows:
        raise NotFound("The job has no such step.", remedy=f"GET /v1/jobs/{job_id}/steps lists them.")
    return _view_of(job.id, rows[0])


async def _wanted(tx: Transaction, job: JobRow, step: PostStep) -> list[int]:
    """Ordinals of the step's frames, each of which has a file. Refuses frames that the job does not have (422), more
    than the step takes (413), and frames without a file (409)."""
    numbers = JobSpec.model_validate(job.spec).frame_range
    count = len(numbers) if step.frames is None else None
    if count is None or count <= step.most_frames:
        ordinals = list(range(len(numbers))) if step.frames is None else ordinals_in(numbers, step.frames)
        count = len(ordinals)
    if count > step.most_frames:
        raise TooLarge(
            f"A step {step.step} takes {step.most_frames} frames; these are {count}.",
            field="frames",
            remedy="Ask for the frames in ranges, one step for each.",
        )
    missing = await without_picture(tx, job_id=job.id, ordinals=ordinals)
    if missing:
        raise _missing(job.id, [numbers[ordinal] for ordinal in missing])
    return ordinals


async def _check_reference(tx: Transaction, job: JobRow, step: CompareStep, ordinals: list[int]) -> None:
    """That each frame has something to be compared with."""
    other = job
    if step.with_job is not None:
        other = await require_job(tx, project_id=job.project_id, job_id=step.with_job)
    mine = JobSpec.model_validate(job.spec).frame_range
    theirs = JobSpec.model_validate(other.spec).frame_range
    frames = [mine[at] for at in ordinals] if step.with_frame is None else [step.with_frame]
    lacking = [frame for frame in frames if frame not in theirs]
    if lacking:
        raise InvalidInput(
            f"Job {other.id} has no frame {', '.join(map(str, lacking[:_NAMED_FRAMES]))}.",
            field="with_job" if step.with_frame is None else "with_frame",
            remedy=f"Its frames are {str(theirs)[:200]}.",
        )
    missing = await without_picture(tx, job_id=other.id, ordinals=[theirs.ordinal_of(frame) for frame in frames])
    if missing:
        raise _missing(other.id, [theirs[at] for at in missing])


async def _check_lut(tx: Transaction, project_id: UUID, digest: str) -> None:
    size = await blob_size(tx, project_id=project_id, digest=digest)
    if size is None:
        raise InvalidInput(
            "The project has no blob of this digest.",
            field="lut",
            remedy="Upload the `.cube` file: PUT /v1/blobs/{digest}.",
        )
    if size > MAX_FILE_BYTES:
        raise TooLarge(f"A `.cube` file has at most {MAX_FILE_BYTES} bytes; this one has {size}.", field="lut")


def _missing(job_id: UUID, frames: list[int]) -> Conflict:
    named = ", ".join(map(str, frames[:_NAMED_FRAMES])) + (" …" if len(frames) > _NAMED_FRAMES else "")
    return Conflict(
        f"Job {job_id} has no file of frame{'s' if len(frames) > 1 else ''} {named}.",
        remedy="Name frames that are rendered, or ask again once these are.",
        frames=frames[:_NAMED_FRAMES],
        count=len(frames),
    )


def _view_of(job_id: UUID, row: StepRow) -> StepView:
    return StepView(
        id=row.id,
        job=job_id,
        step=str(row.request["step"]),
        state=row.state,
        request=row.request,
        result=row.result,
        error=row.error,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
