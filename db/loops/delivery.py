"""What the courier of files reads and writes. Every write carries the epoch of the reign, save ``deliver_again``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from db._query import run, storable
from db.dispatch.leadership import hold_epoch
from db.events import append_event
from db.repositories.artifacts import names_around
from db.repositories.jobs import get_job
from db.session import Database, Transaction
from jobs.delivery import DeliverySettings, delivered_path, with_mark
from jobs.events import EventKind
from jobs.frames import FrameRange
from jobs.naming import NamedFile, NamingTemplate, name_values
from jobs.sealed import Sealed

_BATCH = 1000
"""Rows ended in one transaction."""

_TOLD = 100
"""Jobs told of in one tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationWithWork:
    """A bucket that something is due for."""

    id: UUID
    project_id: UUID
    bucket: str
    prefix: str
    region: str
    endpoint_url: str | None
    access_key_id: str
    sealed: Sealed
    revision: int
    fails: bool
    """The last file was not taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    """A file that this copier has until its lease ends."""

    id: int
    job_id: UUID
    artifact_id: UUID
    path: str
    storage_key: str | None
    """None: the file has expired."""
    sha256: str
    media_type: str
    size_bytes: int
    attempts: int
    failures: int


async def destinations_with_work(db: Database) -> tuple[list[DestinationWithWork], list[UUID]]:
    """Those that have files due and do not rest, and the ids of those that are gone and still have some."""
    async with db.transaction() as tx:
        rows = (await run(tx, "destinations_with_work")).all()
    found = [
        DestinationWithWork(
            id=row.id,
            project_id=row.project_id,
            bucket=row.bucket,
            prefix=row.prefix,
            region=row.region,
            endpoint_url=row.endpoint_url,
            access_key_id=row.access_key_id,
            sealed=Sealed(data=bytes(row.secret), key_id=row.key_id),
            revision=row.revision,
            fails=row.fails,
        )
        for row in rows
        if not row.is_gone
    ]
    return found, [row.id for row in rows if row.is_gone]


async def claim_delivery(
    db: Database, *, destination_id: UUID, settings: DeliverySettings, epoch: int
) -> ClaimedDelivery | None:
    """The file that has been due for longest; None: none is."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        claimed = await run(
            tx,
            "claim_delivery",
            destination_id=destination_id,
            lease=settings.lease_for(0),
            slowest=float(settings.slowest_bytes),
        )
        row = claimed.one_or_none()
        if row is None:
            return None
        path = row.path
        if path is None:
            file = NamedFile(kind=row.kind, name=row.name, frame=row.ordinal)
            path = await _name(tx, row.id, row.job_id, file)
        return ClaimedDelivery(
            id=row.id,
            job_id=row.job_id,
            artifact_id=row.artifact_id,
            path=path,
            storage_key=None if row.is_expired else row.storage_key,
            sha256=row.sha256 or "",
            media_type=row.media_type or "",
            size_bytes=row.size_bytes,
            attempts=row.attempts,
            failures=row.failures,
        )


async def end_delivered(db: Database, claimed: ClaimedDelivery, *, destination_id: UUID, epoch: int) -> bool | None:
    """The bucket has the file. False: a newer one of the same name waits by now. None: another copier took it over."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        ended = await _end(tx, claimed, state="delivered", failures=0)
        if ended is not None:
            await run(tx, "destination_recovers", id=destination_id)
        return ended


async def end_failed(
    db: Database,
    claimed: ClaimedDelivery,
    *,
    destination: DestinationWithWork,
    error: str,
    pause: timedelta | None,
    settings: DeliverySettings,
    is_its_fault: bool,
    epoch: int,
) -> None:
    """The bucket did not take the file: tried again after ``pause``, None for never. ``is_its_fault``: the destination
    rests then, and after too long all that is as old is given up with it."""
    error = storable(error)
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        state = "failed" if pause is None else "queued"
        failures = claimed.failures + 1
        ended = await _end(
            tx,
            claimed,
            state=state,
            failures=failures,
            error=error,
            pause=pause or timedelta(0),
            give_up_after=settings.give_up_after,
        )
        if ended is None or not is_its_fault:
            return
        failed = await run(
            tx,
            "destination_fails",
            id=destination.id,
            revision=destination.revision,
            error=error,
            first=settings.first_pause,
            longest=settings.longest_pause,
            give_up_after=settings.give_up_after,
        )
        if failed.scalar_one_or_none():
            await run(
                tx,
                "give_up_deliveries",
                destination_id=destination.id,
                give_up_after=settings.give_up_after,
                error=error,
                limit=_BATCH,
            )


async def deliver_again(db: Database, claimed: ClaimedDelivery) -> bool:
    """Queue the newer file of the same name once more, for a copier that may have put an older one over it.

    Without an epoch, as the copier may lead no more: what it did in the bucket is done, and this alone makes it good.
    False: its file is the newest, and nothing is wrong.
    """
    async with db.transaction() as tx:
        await run(tx, "lock_job", job_id=claimed.job_id)
        again = await run(tx, "deliver_again", id=claimed.id, artifact_id=claimed.artifact_id)
        return again.one_or_none() is not None


async def fail_deliveries_to_nowhere(db: Database, *, destination_id: UUID, epoch: int) -> int:
    """End a batch of what waits for a destination that was deleted; how many files."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        return (await run(tx, "fail_deliveries_to_nowhere", destination_id=destination_id, limit=_BATCH)).rowcount


async def tell_delivered(db: Database, *, epoch: int) -> int:
    """Tell of jobs that have ended and whose last file was delivered, or given up; how many jobs."""
    async with db.transaction() as tx:
        job_ids = (await run(tx, "jobs_delivered", limit=_TOLD)).scalars().all()
    told = 0
    for job_id in job_ids:
        async with db.transaction() as tx:
            await hold_epoch(tx, epoch)
            await run(tx, "lock_job", job_id=job_id)
            row = (await run(tx, "close_delivery", job_id=job_id)).one_or_none()
            if row is None:
                continue
            facts = {
                "destination": row.destination_id,
                "delivered": row.delivered,
                "failed": row.failed,
                "size_bytes": row.size_bytes,
            }
            if row.failed:
                kind, facts = EventKind.DELIVERY_FAILED, {**facts, "message": row.error}
            else:
                kind = EventKind.JOB_DELIVERED
            await append_event(tx, job_id=job_id, kind=kind, data=facts)
            told += 1
    return told


async def _end(
    tx: Transaction,
    claimed: ClaimedDelivery,
    *,
    state: str,
    failures: int,
    error: str | None = None,
    pause: timedelta = timedelta(0),
    give_up_after: timedelta = timedelta(0),
) -> bool | None:
    ended = await run(
        tx,
        "end_delivery_attempt",
        id=claimed.id,
        attempts=claimed.attempts,
        artifact_id=claimed.artifact_id,
        state=state,
        failures=failures,
        error=error,
        pause=pause,
        give_up_after=give_up_after,
    )
    is_newest: bool | None = ended.scalar_one_or_none()
    return is_newest


async def _name(tx: Transaction, delivery_id: int, job_id: UUID, file: NamedFile) -> str:
    """Give the file its path, and keep it: ``file.frame`` is the place in the job's range, as the row has it."""
    job = await get_job(tx, job_id=job_id)
    assert job is not None  # the row refers to it
    text = (job.spec.get("outputs") or {}).get("naming")
    template, values = None, {}
    if text:
        template = NamingTemplate(text)
        around = await names_around(tx, project_id=job.project_id, model_id=job.model_id)
        if around is not None:
            values = name_values(
                project=around.project,
                job=job.name,
                model=around.model,
                date=job.created_at.date().isoformat(),
                spec=job.spec,
                probe=around.probe,
            )
    frames = FrameRange.parse(job.spec["frames"])
    frame = None if file.frame is None or file.frame >= len(frames) else frames[file.frame]
    file = NamedFile(kind=file.kind, name=file.name, frame=frame)
    path = delivered_path(file, job_id=job_id, template=template, values=values)
    await run(tx, "lock_delivery_names", job_id=job_id)
    named = await run(tx, "name_delivery", id=delivery_id, path=path, marked=with_mark(path, f"{delivery_id:x}"))
    return str(named.scalar_one())
