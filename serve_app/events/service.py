"""Decides where an event stream begins."""

from __future__ import annotations

from uuid import UUID

from db.session import Transaction
from jobs.errors import InvalidInput
from serve_app.jobs.service import require_job


async def start_after(
    tx: Transaction, *, project_id: UUID, job_id: UUID, last_event_id: str | None, after: int | None
) -> int | None:
    """The sequence number to begin behind; None where the job has ended and nothing is left to tell.

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
    return None if job.state.is_terminal and position >= job.event_seq else position
