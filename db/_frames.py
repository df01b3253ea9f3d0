"""From ordinals back to frame numbers: the text of a job's range, parsed once per process."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
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


def runs_as_rows(frames: FrameRange) -> list[dict[str, int]]:
    """The range as rows, so that the database maps frame numbers to ordinals by arithmetic."""
    starts = accumulate((run_.count for run_ in frames.runs), initial=0)
    return [
        {
            "start": start,
            "first": run_.first,
            "step": run_.step,
            "low": min(run_.first, run_.last),
            "high": max(run_.first, run_.last),
        }
        for start, run_ in zip(starts, frames.runs, strict=False)
    ]
