"""Suspect frames: how committed frames look, and what is odd about them beside their neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from db._jobs import LockedJob
from db._query import as_json, run
from db.events import append_event
from db.session import Transaction
from jobs.events import EventKind
from jobs.suspects import Flag, Look, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRow:
    flag: Flag
    detail: str


async def record_looks(tx: Transaction, *, job: LockedJob, generation: int, looks: Mapping[int, Look]) -> None:
    """Keep how these frames look (by ordinal), and judge each of them and its neighbours. Needs the job's lock."""
    if not looks:
        return
    rows = [
        {"ordinal": ordinal, "frame": look.frame, "mean": look.mean, "brightest": look.brightest}
        for ordinal, look in looks.items()
    ]
    await run(tx, "insert_looks", job_id=job.id, generation=generation, looks=as_json(rows))
    touched = sorted({place for ordinal in looks for place in (ordinal - 1, ordinal, ordinal + 1)})
    around = sorted({place for ordinal in touched for place in (ordinal - 1, ordinal, ordinal + 1)})
    rows_around = (await run(tx, "looks_around", job_id=job.id, ordinals=around)).all()
    generations = {row.ordinal: row.generation for row in rows_around}
    known = {row.ordinal: Look(frame=row.frame, mean=row.mean, brightest=row.brightest) for row in rows_around}
    found = {
        ordinal: suspicion for ordinal in touched if (suspicion := judge(known, ordinal, total=job.total)) is not None
    }
    if not found:
        return
    flags = [
        {"ordinal": ordinal, "generation": generations[ordinal], "flag": one.flag, "detail": one.detail}
        for ordinal, one in found.items()
    ]
    done = await run(tx, "insert_flags", job_id=job.id, flags=as_json(flags))
    new = done.all()
    if new:
        await append_event(
            tx,
            job_id=job.id,
            kind=EventKind.FRAMES_SUSPECT,
            data={
                "frames": [
                    {
                        "ordinal": row.ordinal,
                        "frame": known[row.ordinal].frame,
                        "flag": row.flag,
                        "detail": found[row.ordinal].detail,
                    }
                    for row in new
                ],
                "suspects": new[0].suspects,
            },
        )


async def flags_of(tx: Transaction, *, job_id: UUID, ordinals: Sequence[int]) -> dict[int, list[FlagRow]]:
    """By ordinal; a frame without a flag is left out."""
    found: dict[int, list[FlagRow]] = {}
    if ordinals:
        for row in (await run(tx, "flags_of_frames", job_id=job_id, ordinals=list(ordinals))).all():
            found.setdefault(row.ordinal, []).append(FlagRow(flag=Flag(row.flag), detail=row.detail))
    return found
