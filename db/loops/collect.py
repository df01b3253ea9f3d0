"""Which files in storage no row names, and never will."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

from db._jobs import lock_job
from db._query import run
from db.dispatch.leadership import hold_epoch
from db.session import Database

KeyOfJob = tuple[str, UUID, int | None]
"""(storage key, the job that it was made for, the frame's ordinal; None: it belongs to the whole job)."""


async def unnamed_keys(db: Database, *, keys: Sequence[KeyOfJob]) -> dict[UUID, list[str]]:
    """Job -> those of ``keys`` that no row of it names. A first look without locks: ask ``dead_keys`` of them.

    Keys of jobs that this database does not know are left out, whosever they are.
    """
    async with db.transaction() as tx:
        rows = await run(
            tx,
            "unnamed_keys",
            keys=[key for key, _, _ in keys],
            job_ids=[job_id for _, job_id, _ in keys],
            ordinals=[ordinal for _, _, ordinal in keys],
        )
        found: dict[UUID, list[str]] = {}
        for row in rows.all():
            found.setdefault(row.job_id, []).append(row.key)
        return found


async def dead_keys(db: Database, *, job_id: UUID, keys: Sequence[tuple[str, int | None]], epoch: int) -> list[str]:
    """Those of (key, ordinal) of one job that no row names or can come to name, whatever happens after this returns."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "short_lock_wait")
        await lock_job(tx, job_id)
        rows = await run(
            tx,
            "dead_keys",
            job_id=job_id,
            keys=[key for key, _ in keys],
            ordinals=[ordinal for _, ordinal in keys],
        )
        return list(rows.scalars().all())


async def unused_blobs(db: Database, *, kept: timedelta, limit: int) -> list[str]:
    """Digests of blobs that have been there for ``kept`` and that no model names. A first look."""
    async with db.transaction() as tx:
        return list((await run(tx, "unused_blobs", kept=kept, limit=limit)).scalars().all())


async def drop_blob(
    db: Database, *, digest: str, kept: timedelta, epoch: int, delete: Callable[[str], Awaitable[None]]
) -> bool:
    """Delete the blob, its file by ``delete``, and its rows; False: somebody needs it after all.

    Here, and in ``drop_ownerless_blob``, storage is called in an open transaction: until the file and the rows are both
    gone, nobody may record the same bytes anew and take the file that is there for them. ``delete`` must end within
    seconds.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "short_lock_wait")
        await run(tx, "sweep_blobs_alone")
        if (await run(tx, "drop_blob", digest=digest, kept=kept)).one_or_none() is None:
            return False
        await run(tx, "delete_blob", digest=digest)
        await run(tx, "wait_for_storage")
        await delete(digest)
        return True


async def ownerless_blobs(db: Database, *, digests: Sequence[str]) -> list[str]:
    """Those of ``digests`` that no row names, in order. A first look without locks: ``drop_ownerless_blob`` decides."""
    async with db.transaction() as tx:
        return list((await run(tx, "ownerless_blobs", digests=list(digests))).scalars().all())


async def drop_ownerless_blob(
    db: Database, *, digest: str, epoch: int, delete: Callable[[str], Awaitable[None]]
) -> bool:
    """Delete the file of a blob without a row by ``delete``, as ``drop_blob`` does; False: it has one after all.

    Whoever stores the same bytes meanwhile, and leaves them out since they are there, records them before or behind
    this: before, and the row is seen here; behind, and they find the file gone when they look after their commit.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "short_lock_wait")
        await run(tx, "sweep_blobs_alone")
        if (await run(tx, "ownerless_blobs", digests=[digest])).one_or_none() is None:
            return False
        await run(tx, "wait_for_storage")
        await delete(digest)
        return True
