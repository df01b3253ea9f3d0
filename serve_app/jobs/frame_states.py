"""``/v1/jobs/{id}/frame-states``: every frame's state at one moment, for grids of up to a million frames."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from db.repositories.frame_states import frame_states_of
from jobs.frames import MAX_FRAMES
from jobs.states import FrameState
from serve_app.conditional import READS, IfNoneMatch, answer, version_by_content
from serve_app.dependencies import Services, Unit
from serve_app.jobs.service import no_job
from serve_app.security import Access

router = APIRouter(prefix="/jobs", tags=["jobs"])


class FrameRunView(BaseModel):
    """Frames beside each other in the range that are in the same state."""

    first: int = Field(description="Ordinal of the first one: its place in the range, from 0.")
    last: int = Field(description="Ordinal of the last one, which is one of them.")
    state: FrameState


class FrameStatesView(BaseModel):
    """Where every frame of a job stood at one moment, of which `last_event` is the last event."""

    job: UUID
    generation: int
    total: int = Field(description="Frames of the job.")
    last_event: int = Field(description="Events behind it tell what has changed since.")
    runs: list[FrameRunView] = Field(description="In order and without a gap, from `from` on.")
    suspects: list[int] = Field(description="Ordinals of frames with a flag, among those of the runs.")
    next_from: int | None = Field(description="`from` of the next page, where these are too many runs; null: all told.")


@router.get("/{job_id}/frame-states", response_model=FrameStatesView, responses=READS)
async def read_frame_states(
    job_id: UUID,
    response: Response,
    access: Access,
    unit: Unit,
    services: Services,
    first: Annotated[
        int, Query(alias="from", ge=0, le=MAX_FRAMES, description="Ordinal of the frame to begin with.")
    ] = 0,
    if_none_match: IfNoneMatch = None,
) -> FrameStatesView | Response:
    """The state of every frame, as runs of frames in the same one: a job that has not begun is one run."""
    await unit.end()  # a snapshot is a transaction of its own
    found = await frame_states_of(
        services.database,
        project_id=access.project_id,
        job_id=job_id,
        first=first,
        limit=services.settings.max_frame_runs,
    )
    if found is None:
        raise no_job()
    job, states = found
    view = FrameStatesView(
        job=job.id,
        generation=job.generation,
        total=job.total,
        last_event=job.event_seq,
        runs=[FrameRunView(first=run.first, last=run.last, state=run.state) for run in states.runs],
        suspects=states.suspects,
        next_from=states.next_first,
    )
    return answer(view, version_by_content(view), response=response, if_none_match=if_none_match)
