"""Quotas: what a project may have at most, and the checks of a new job or upload against it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import select

from db._query import run
from db.events import append_project_event
from db.listen import DISPATCH
from db.session import Transaction
from db.tables import PROJECT_QUOTA
from jobs.billing import Quotas, require_within
from jobs.errors import InvalidInput
from jobs.events import EventKind

_NAMES = tuple(Quotas.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRoom:
    """What a project stores, and what it may; ``limit`` None: anything."""

    project: str
    stored_bytes: int
    limit: int | None

    def require(self, more_bytes: int) -> None:
        """Raises ``OverQuota`` where so much more would be over what the project may store."""
        require_within("stored_bytes", limit=self.limit, wanted=self.stored_bytes + more_bytes, project=self.project)


async def read_quotas(tx: Transaction, *, project_id: UUID) -> Quotas:
    query = select(*(PROJECT_QUOTA.c[name] for name in _NAMES)).where(PROJECT_QUOTA.c.project_id == project_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    return Quotas() if row is None else Quotas(**{name: _whole(row[name]) for name in _NAMES})


async def set_quotas(tx: Transaction, *, project_id: UUID, quotas: Quotas, by: str) -> None:
    """In place of those before. What is over a lower one stays; nothing new is let in."""
    before, after = asdict(await read_quotas(tx, project_id=project_id)), asdict(quotas)
    changes = {name: {"from": before[name], "to": after[name]} for name in _NAMES if before[name] != after[name]}
    if not changes:
        return
    await run(tx, "set_quotas", project_id=project_id, **after)
    await append_project_event(
        tx, project_id=project_id, kind=EventKind.QUOTAS_CHANGED, data={"changes": changes, "by": by}
    )
    await run(tx, "notify", channel=DISPATCH, payload="quotas")


async def require_job_in_quotas(
    tx: Transaction, *, project_id: UUID, frames: int, pixels_per_frame: int | None
) -> None:
    """Raises ``OverQuota``. Locks the quotas until the transaction ends, so that no two jobs take the same room.

    ``pixels_per_frame``: None where only the scene says it; ``InvalidInput`` where a quota needs it.
    """
    row = (await run(tx, "lock_quotas", project_id=project_id)).one_or_none()
    if row is None:
        return
    pixel_limit = _whole(row.pixels_per_job)
    if pixels_per_frame is None and (row.pixels_per_frame, pixel_limit) != (None, None):
        raise InvalidInput(
            "Only the scene says how large its frames are, and this project has a quota of pixels.",
            field="settings",
            remedy="Set the width and height of the frames in the job's settings.",
        )
    if pixels_per_frame is not None:
        require_within("pixels_per_frame", limit=row.pixels_per_frame, wanted=pixels_per_frame, project=row.slug)
        require_within("pixels_per_job", limit=pixel_limit, wanted=pixels_per_frame * frames, project=row.slug)
    if row.queued_frames is not None:
        queued: int = (await run(tx, "count_queued_frames", project_id=project_id)).scalar_one()
        require_within("queued_frames", limit=row.queued_frames, wanted=queued + frames, project=row.slug)
    await _require_storage(tx, project_id, limit=row.stored_bytes, more=0, slug=row.slug)


async def require_frames_in_quotas(tx: Transaction, *, project_id: UUID, frames: int) -> None:
    """For frames of a job that is there already, and that are to be rendered again; otherwise as a new job's.

    Its pixels were within the quotas when it was submitted.
    """
    row = (await run(tx, "lock_quotas", project_id=project_id)).one_or_none()
    if row is None:
        return
    if row.queued_frames is not None:
        queued = await queued_frames(tx, project_id=project_id)
        require_within("queued_frames", limit=row.queued_frames, wanted=queued + frames, project=row.slug)
    await _require_storage(tx, project_id, limit=row.stored_bytes, more=0, slug=row.slug)


async def require_storage_in_quotas(tx: Transaction, *, project_id: UUID, more_bytes: int) -> None:
    """Raises ``OverQuota`` where ``more_bytes`` more would be over what the project may store.

    Outputs count from the next measurement of storage on, uploads at once.
    """
    (await storage_room(tx, project_id=project_id)).require(more_bytes)


async def storage_room(tx: Transaction, *, project_id: UUID) -> StorageRoom:
    """As ``require_storage_in_quotas`` counts it, for bytes whose number shows only as they come."""
    row = (await run(tx, "lock_quotas", project_id=project_id)).one_or_none()
    if row is None or row.stored_bytes is None:
        return StorageRoom(project="", stored_bytes=0, limit=None)
    stored = await stored_bytes(tx, project_id=project_id)
    return StorageRoom(project=row.slug, stored_bytes=stored, limit=row.stored_bytes)


async def require_size_in_quotas(tx: Transaction, *, project_id: UUID, size_bytes: int) -> None:
    """Raises ``OverQuota`` for files that could not be stored whole even if nothing else were."""
    row = (await run(tx, "lock_quotas", project_id=project_id)).one_or_none()
    if row is not None and row.stored_bytes is not None:
        require_within("stored_bytes", limit=row.stored_bytes, wanted=size_bytes, project=row.slug)


async def stored_bytes(tx: Transaction, *, project_id: UUID) -> int:
    """At the last measurement, and uploaded since."""
    return int((await run(tx, "stored_bytes", project_id=project_id)).scalar_one())


async def queued_frames(tx: Transaction, *, project_id: UUID) -> int:
    """Frames without an outcome in the project's jobs."""
    return int((await run(tx, "count_queued_frames", project_id=project_id)).scalar_one())


async def _require_storage(tx: Transaction, project_id: UUID, *, limit: int | None, more: int, slug: str) -> None:
    if limit is not None:
        stored = await stored_bytes(tx, project_id=project_id)
        require_within("stored_bytes", limit=limit, wanted=stored + more, project=slug)


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))
