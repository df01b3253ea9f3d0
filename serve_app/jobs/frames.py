"""Reads frames and their attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from db.flags import FlagRow, flags_of
from db.repositories.attempts import list_attempts, read_log
from db.repositories.frames import FrameRow, LiveProgress, get_frame, list_frames
from db.repositories.jobs import JobRow
from db.session import Transaction
from jobs.errors import NotFound
from jobs.frames import MAX_FRAMES
from jobs.spec import JobSpec
from jobs.states import FrameState
from serve_app.jobs.schemas import AttemptView, FrameFlag, FrameProgress, FrameView
from serve_app.jobs.service import require_job
from serve_app.paging import Page, PageRequest, cursor_of

_MOST_ATTEMPTS = 200
"""Shown of one frame; the ceilings on its tries allow a tenth of it, interruptions aside."""


async def list_page(
    tx: Transaction, *, project_id: UUID, job_id: UUID, page: PageRequest, states: Sequence[FrameState] | None
) -> Page[FrameView]:
    """Frames in the order of the range."""
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    after = page.after(ordinal_in)
    rows = await list_frames(
        tx,
        job=job,
        states=states,
        first=int(after[0]) + 1 if after else 0,
        limit=page.limit + 1,
    )
    more = len(rows) > page.limit
    shown = rows[: page.limit]
    flags = await flags_of(tx, job_id=job.id, ordinals=[row.ordinal for row in shown]) if job.suspects else {}
    return Page(
        items=[_view_of(row, flags) for row in shown],
        next_cursor=cursor_of(shown[-1].ordinal) if more else None,
        total=None if states else job.total,
    )


async def read(tx: Transaction, *, project_id: UUID, job_id: UUID, frame: int) -> FrameView:
    """One frame by its number."""
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    row = await get_frame(tx, job=job, ordinal=ordinal_of(job, frame))
    return _view_of(row, await flags_of(tx, job_id=job.id, ordinals=[row.ordinal]) if job.suspects else {})


async def attempts(tx: Transaction, *, project_id: UUID, job_id: UUID, frame: int) -> Page[AttemptView]:
    """Every try, newest first; the ceilings on tries keep this to one page."""
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    rows = await list_attempts(tx, job_id=job_id, ordinal=ordinal_of(job, frame), limit=_MOST_ATTEMPTS)
    return Page(
        items=[
            AttemptView(
                id=row.id,
                frame=frame,
                generation=row.generation,
                outcome=row.outcome,
                message=row.message,
                replica=row.replica_id,
                started_at=row.started_at,
                ended_at=row.ended_at,
                timings_ms=row.timings,
                metrics=row.metrics,
                log=row.log,
            )
            for row in rows
        ]
    )


async def log(tx: Transaction, *, project_id: UUID, job_id: UUID, frame: int, attempt_id: UUID | None) -> str:
    """What the engine printed for a frame. Raises ``NotFound``."""
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    ordinal = ordinal_of(job, frame)
    found = await read_log(tx, job_id=job_id, ordinal=ordinal, attempt_id=attempt_id)
    if found is None:
        raise NotFound(
            f"There is no log of frame {frame}{'' if attempt_id is None else ' in this try'}.",
            remedy="An engine that printed nothing, a frame that was reused and one that was never tried leave none; "
            f"GET /v1/jobs/{job_id}/frames/{frame}/attempts lists the tries.",
            frame=frame,
        )
    return found


def ordinal_of(job: JobRow, frame: int) -> int:
    """Place of a frame in the job's range. Raises ``NotFound``."""
    spec = JobSpec.model_validate(job.spec)
    try:
        return spec.frame_range.ordinal_of(frame)
    except ValueError:
        raise NotFound(
            f"The job has no frame {frame}.", remedy=f"Its frames are {spec.frames[:200]}.", frame=frame
        ) from None


def ordinal_in(text: str) -> int:
    """An ordinal that a cursor of ours may hold."""
    ordinal = int(text)
    if not 0 <= ordinal < MAX_FRAMES:
        raise ValueError(text)
    return ordinal


def _view_of(row: FrameRow, flags: Mapping[int, list[FlagRow]]) -> FrameView:
    return FrameView(
        ordinal=row.ordinal,
        frame=row.frame,
        state=row.state,
        end_reason=row.end_reason,
        message=row.message,
        replica=row.replica_id,
        render_ms=row.render_ms,
        warm=row.warm,
        parts=row.parts,
        parts_done=row.parts_done,
        progress=_progress_of(row.progress),
        at=row.at,
        flags=[FrameFlag(flag=one.flag, detail=one.detail) for one in flags.get(row.ordinal, ())],
    )


def _progress_of(told: LiveProgress | None) -> FrameProgress | None:
    if told is None:
        return None
    return FrameProgress(
        fraction=told.fraction,
        done=told.done,
        total=told.total,
        unit=told.unit,
        eta_seconds=told.eta_seconds,
        detail=told.detail,
        preview=told.preview,
    )
