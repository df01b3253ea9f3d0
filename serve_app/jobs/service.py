"""Submits, reads and cancels jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import structlog

from cluster.tracing import current_traceparent
from db.cancel import cancel_job
from db.features import require_feature
from db.repositories.job_lists import JobFilter, JobSort, list_jobs
from db.repositories.jobs import JobRow, get_job, retried_of_job
from db.repositories.models import ModelRow
from db.repositories.replicas import are_all_stopped, list_kinds, trouble_of_job
from db.session import Transaction
from db.submit import SubmittedJob, submit_job
from jobs.errors import NotFound
from jobs.features import Feature
from jobs.limits import FarmLimits
from jobs.mail import MailSettings
from jobs.misfit import why_none_fits
from jobs.planning import WaitReason
from jobs.spec import JobSpec, SplitMode
from jobs.states import JobCommand, JobState, allowed_commands
from serve_app.artifacts.naming import require_good_names
from serve_app.audit.trail import Trail
from serve_app.billing.withheld import why_withheld
from serve_app.jobs.admission import checked_spec, pixels_per_frame, require_renderable, settled_spec, with_pipeline
from serve_app.jobs.notifying import settled_notify
from serve_app.jobs.progress import pace_of, wait_of
from serve_app.jobs.schemas import Counts, JobDetail, JobView, Links, Retried, Wait
from serve_app.jobs.trail import note_submitted
from serve_app.models.service import missing_of, require_model
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.services import ApiServices
from serve_app.settings import ApiSettings

log = structlog.get_logger(__name__)

_ROUTES = {
    JobCommand.PAUSE: "pause",
    JobCommand.RESUME: "resume",
    JobCommand.APPROVE: "approve",
    JobCommand.CANCEL: "cancel",
    JobCommand.RETRY: "retry",
    JobCommand.REQUEUE: "frames/actions",
}
"""Where a person asks for it, below the job."""


_ALL_STOPPED = "Every worker that is up is disabled or leaves. Enable one with `rayfarm enable`, or wait for another."
"""Why a job waits for a replica to start although some are up; the planner sees those alone that take work."""


class Admits(Protocol):
    """What admission goes by."""

    @property
    def limits(self) -> FarmLimits: ...
    @property
    def settings(self) -> ApiSettings: ...
    @property
    def mail(self) -> MailSettings: ...


async def submit(
    tx: Transaction,
    services: ApiServices,
    *,
    project_id: UUID,
    spec: JobSpec,
    idempotency_key: str | None,
    submitted_by: str | None,
    trail: Trail,
    cloned_from: UUID | None = None,
) -> JobDetail:
    """The new job, or the one that an earlier request with this key made."""
    submitted = await submit_admitted(
        tx,
        services,
        project_id=project_id,
        spec=spec,
        idempotency_key=idempotency_key,
        submitted_by=submitted_by,
        cloned_from=cloned_from,
    )
    log.info("job submitted", action="api.submit", job_id=str(submitted.id), created=submitted.created)
    job = await read(tx, project_id=project_id, job_id=submitted.id)
    note_submitted(trail, job, is_new=submitted.created)
    return job


async def submit_admitted(
    tx: Transaction,
    admits: Admits,
    *,
    project_id: UUID,
    spec: JobSpec,
    submitted_by: str | None,
    idempotency_key: str | None = None,
    cloned_from: UUID | None = None,
) -> SubmittedJob:
    """Admit a job and write it, wherever it came from."""
    spec, model = await admit(tx, admits, project_id=project_id, spec=spec)
    spec = await settled_notify(tx, admits.mail, project_id=project_id, spec=spec, asked_by=submitted_by)
    return await submit_job(
        tx,
        project_id=project_id,
        spec=spec,
        idempotency_key=idempotency_key,
        cloned_from=cloned_from,
        submitted_by=submitted_by,
        pixels_per_frame=pixels_per_frame(spec, probe=model.probe),
        traceparent=current_traceparent(),
    )


async def admit(tx: Transaction, services: Admits, *, project_id: UUID, spec: JobSpec) -> tuple[JobSpec, ModelRow]:
    """The spec as it would be stored, and its model; raises what a submit is refused with before anything is read of
    other jobs."""
    if not spec.names_pipeline:
        spec = with_pipeline(spec, kind=(await require_model(tx, project_id=project_id, model_id=spec.model)).kind)
    if spec.split.mode is not SplitMode.NONE:
        remedy = "Leave split out: each frame is rendered whole then."
        await require_feature(tx, Feature.FRAME_SPLITTING, project_id=project_id, remedy=remedy)
    spec = checked_spec(spec, limits=services.limits, max_bytes=services.settings.max_spec_bytes)
    model = await require_model(tx, project_id=project_id, model_id=spec.model)
    spec = settled_spec(spec, probe=model.probe)
    require_good_names(spec, probe=model.probe)
    require_renderable(
        spec=spec,
        kind=model.kind,
        state=model.state,
        probe=model.probe,
        problem=model.problem,
        missing=missing_of(probe=model.probe, problem=model.problem),
    )
    return spec, model


async def read(tx: Transaction, *, project_id: UUID, job_id: UUID) -> JobDetail:
    """Raises ``NotFound`` for a job that is not the project's."""
    row = await require_job(tx, project_id=project_id, job_id=job_id)
    detail = _detail_of(row, trouble=await trouble_of_job(tx, job_id=job_id) if row.state is JobState.RUNNING else None)
    if not row.state.is_terminal and (found := await retried_of_job(tx, job_id=job_id)) is not None:
        message = found.message or found.reason.facts.words
        retried = Retried(tries=found.tries, reason=found.reason, message=message)
        detail = detail.model_copy(update={"retried": retried})
    wait = detail.wait
    words = await _closer_words(tx, row, reason=wait.reason) if wait else None
    if wait is None or words is None:
        return detail
    return detail.model_copy(update={"wait": Wait(reason=wait.reason, words=words)})


async def list_page(
    tx: Transaction, *, project_id: UUID, page: PageRequest, wanted: JobFilter, sort: JobSort
) -> Page[JobView]:
    """A page in the order of ``sort``. Its cursor is of that order: with another one it is refused."""
    rows = await list_jobs(
        tx, project_id=project_id, wanted=wanted, sort=sort, after=_place_in(page, sort), limit=page.limit + 1
    )
    more = len(rows) > page.limit
    shown = rows[: page.limit]
    return Page(
        items=[_view_of(row) for row in shown],
        next_cursor=_cursor_behind(shown[-1], sort) if more else None,
    )


async def cancel(tx: Transaction, *, project_id: UUID, job_id: UUID) -> JobDetail:
    """The job as it is after the request; ``Conflict`` where it has ended otherwise."""
    await require_job(tx, project_id=project_id, job_id=job_id)
    await cancel_job(tx, job_id=job_id)
    return await read(tx, project_id=project_id, job_id=job_id)


async def require_job(tx: Transaction, *, project_id: UUID, job_id: UUID) -> JobRow:
    """The row. Raises ``NotFound`` for a job that is not the project's."""
    row = await get_job(tx, project_id=project_id, job_id=job_id)
    if row is None:
        raise no_job()
    return row


def no_job() -> NotFound:
    """For a job that is not the project's, and for one that is not there."""
    return NotFound("There is no such job in this project.", remedy="GET /v1/jobs lists them.")


def _place_in(page: PageRequest, sort: JobSort) -> tuple[datetime | str, UUID] | None:
    def is_of_sort(text: str) -> None:
        if text != sort:
            raise ValueError(text)

    of_time = sort.column != "name"
    after = page.after(is_of_sort, datetime.fromisoformat if of_time else str, UUID)
    if after is None:
        return None
    return datetime.fromisoformat(after[1]) if of_time else after[1], UUID(after[2])


def _cursor_behind(row: JobRow, sort: JobSort) -> str:
    key = getattr(row, sort.column)
    return cursor_of(sort, key.isoformat() if isinstance(key, datetime) else key, row.id)


async def _closer_words(tx: Transaction, row: JobRow, *, reason: str) -> str | None:
    """What the replicas that are there tell of the wait beyond its reason; None: nothing."""
    if reason in (WaitReason.BUDGET, WaitReason.CREDITS, WaitReason.QUOTA):
        return await why_withheld(tx, project_id=row.project_id, reason=WaitReason(reason))
    if reason == WaitReason.STARTING_REPLICA and await are_all_stopped(tx):
        return _ALL_STOPPED
    if reason == WaitReason.NO_REPLICA_FITS:
        return why_none_fits(
            pipeline=row.spec["pipeline"],
            labels=row.spec.get("labels") or {},
            device_class=row.device_class,
            there=await list_kinds(tx),
        )
    return None


def _detail_of(row: JobRow, *, trouble: str | None) -> JobDetail:
    view = _view_of(row)
    if trouble is not None:
        wait = Wait(reason=WaitReason.STORAGE, words=f"{WaitReason.STORAGE.words} {trouble}")
        view = view.model_copy(update={"wait": wait})
    return JobDetail(**view.model_dump(), spec=JobSpec.model_validate(row.spec))


def _view_of(row: JobRow) -> JobView:
    seconds_per_frame = row.render_ms_sum / row.render_count / 1000 if row.render_count else None
    pace = pace_of(
        state=row.state,
        total=row.total,
        resolved=row.resolved,
        rendered=row.render_count - row.renders_before,
        seconds_per_frame=seconds_per_frame,
        replicas=row.rendering_on,
        running_since=row.running_since,
        ended_at=row.ended_at,
        now=datetime.now(UTC),
    )
    wait = wait_of(state=row.state, reason=row.wait_reason) if row.resolved < row.total else None
    return JobView(
        id=row.id,
        name=row.name,
        state=row.state,
        end_reason=row.end_reason,
        message=row.message or (row.end_reason.facts.words if row.end_reason else None),
        model=row.model_id,
        pipeline=row.spec["pipeline"],
        frames=row.spec["frames"],
        priority=row.priority,
        weight=row.weight,
        max_replicas=row.max_replicas,
        start_before=row.start_before,
        finish_before=row.finish_before,
        expires_at=row.expires_at,
        outputs_expired_at=row.outputs_expired_at,
        approval=row.scouts if row.approved_at is None else None,
        cloned_from=row.cloned_from,
        tags=row.tags,
        show=row.show,
        shot=row.shot,
        submitted_by=row.submitted_by,
        destination=row.destination_id,
        generation=row.generation,
        counts=Counts(
            total=row.total,
            committed=row.committed,
            reused=row.reused,
            failed=row.failed,
            canceled=row.canceled,
            skipped=row.skipped,
        ),
        progress=pace.progress,
        eta_seconds=pace.eta_seconds,
        frames_per_second=pace.frames_per_second,
        seconds_per_frame=seconds_per_frame,
        warm=row.warm_count,
        cold=row.cold_count,
        suspects=row.suspects,
        wait=Wait(reason=wait[0], words=wait[1]) if wait else None,
        engine_version=row.engine_version,
        device_class=row.device_class,
        last_event=row.event_seq,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        links=_links(row),
    )


def _links(row: JobRow) -> Links:
    root = f"/v1/jobs/{row.id}"
    allowed = [command for command in allowed_commands(row.state) if command in _ROUTES]
    return Links(
        self=root,
        events=f"{root}/events",
        frames=f"{root}/frames",
        artifacts=f"{root}/artifacts",
        cancel=f"{root}/cancel",
        commands={str(command): f"{root}/{_ROUTES[command]}" for command in allowed},
    )
