"""From ordinals back to frame numbers: the text of a job's range, parsed once per process."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.frames import FrameRange


@lru_cache(maxsize=32)  # a range of the longest text holds some 2 MiB
def frame_range(text: str) -> FrameRange:
    """Parsed before when the job was accepted, so it cannot fail here."""
    return FrameRange.parse(text)


async def frames_of_job(tx: Transaction, job_id: UUID) -> FrameRange:
    return frame_range((await run(tx, "job_frames", job_id=job_id)).scalar_one())
