"""Decides where an event stream begins."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db.session import Transaction
from jobs.errors import InvalidInput
from serve_app.jobs.service import require_job


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a stream begins."""

    after_seq: int
    is_over: bool
    """The job has ended: what is there is told, and nothing is waited for."""


async def start_after(
    tx: Transaction, *, project_id: UUID, job_id: UUID, last_event_id: str | None, after: int | None
) -> Start | None:
    """Where to begin; None where the job has ended and nothing is left to tell.

    The header wins: a browser that reconnects sends it along with the first address, ``?after=`` included.
    """
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    position = after or 0
    if last_event_id is not None:
        if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 18):
            raise InvalidInput(
                f"{last_event_id!r} is not an event id of this feed.",
                field="Last-Event-ID",
                remedy="Send the id of the last event that was seen, or leave the header out for all of them.",
            )
        position = int(last_event_id)
    if position > job.event_seq:
        raise InvalidInput(
            f"The job's last event is {job.event_seq}; {position} is behind it.",
            field="Last-Event-ID",
            remedy="This id belongs to another job: leave it out.",
        )
    is_over = job.state.is_terminal
    return None if is_over and position >= job.event_seq else Start(after_seq=position, is_over=is_over)
