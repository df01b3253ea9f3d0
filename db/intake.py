"""Messages that became jobs, and where a job's result is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from db._query import run
from db.dispatch.leadership import hold_epoch
from db.session import Database, Transaction
from jobs.errors import Conflict

_PRUNED = 1000
"""Rows deleted in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageName:
    """What a message is known by, however often and under whatever id it comes."""

    source: str
    """The queue."""
    dedup_id: str
    digest: str
    """Of what it asks for: the same name for something else is refused."""
    message_id: str
    """That the queue gave it."""
    label: str | None = None
    """What its sender calls it: the idempotency key, or the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOfJob:
    """What a job came from."""

    source: str
    message_id: str
    label: str | None


async def take_message(tx: Transaction, name: MessageName) -> UUID | None:
    """The job that the message became before; None: it is new, and this transaction has it (``end_message``).

    Raises ``Conflict`` where another request has used its key.
    """
    taken = await run(
        tx,
        "take_intake_message",
        source=name.source,
        dedup_id=name.dedup_id,
        digest=name.digest,
        message_id=name.message_id,
        label=name.label,
    )
    if taken.one_or_none() is not None:
        return None
    return await job_of_message(tx, name)


async def job_of_message(tx: Transaction, name: MessageName) -> UUID | None:
    """The job that the message became; None: none yet. Raises ``Conflict`` as ``take_message``."""
    row = (await run(tx, "find_intake_message", source=name.source, dedup_id=name.dedup_id)).one_or_none()
    if row is None:
        return None
    if row.digest != name.digest:
        raise Conflict(
            "This idempotency key was used for another message.",
            remedy="Use a new key for each new request.",
            job=str(row.job_id),
        )
    job_id: UUID = row.job_id
    return job_id


async def end_message(tx: Transaction, name: MessageName, *, job_id: UUID, publish: Sequence[str]) -> None:
    """The message has become this job, whose result goes to the targets ``publish``."""
    await run(tx, "end_intake_message", source=name.source, dedup_id=name.dedup_id, job_id=job_id)
    if publish:
        await run(tx, "insert_job_results", job_id=job_id, arns=list(publish))


async def find_message_of_job(tx: Transaction, *, job_id: UUID) -> MessageOfJob | None:
    row = (await run(tx, "intake_of_job", job_id=job_id)).mappings().one_or_none()
    return None if row is None else MessageOfJob(**row)


async def prune_messages(db: Database, *, kept: timedelta, epoch: int) -> int:
    """Forget up to a batch of messages that are older; how many went."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        return (await run(tx, "prune_intake", kept=kept, limit=_PRUNED)).rowcount


async def keep_result_targets(db: Database, *, cluster_id: str, arns: Sequence[str], epoch: int) -> int:
    """Make ``arns`` the targets of this cluster; rows changed. What waits for another ends with ``keep_targets``."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        changed: int = (await run(tx, "keep_result_targets", cluster_id=cluster_id, arns=list(arns))).scalar_one()
        return changed
