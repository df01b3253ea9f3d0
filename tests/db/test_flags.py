"""Suspect frames: a job counts those whose newest picture looks odd, as a list of its frames shows them."""

from __future__ import annotations

from uuid import UUID

from db._jobs import lock_job
from db.flags import flags_of, record_looks
from jobs.suspects import Look
from tests.db.builders import Farm

_WELL = {"mean": 0.5, "brightest": 0.9}
_BLACK = {"mean": 0.0, "brightest": 0.0}


async def look(farm: Farm, job_id: UUID, generation: int, **frames: dict[str, float]) -> None:
    """Frames 1, 2, … look so, given as f1, f2, …"""
    looks = {int(name[1:]) - 1: Look(frame=int(name[1:]), **seen) for name, seen in frames.items()}
    async with farm.db.transaction() as tx:
        await record_looks(tx, job=await lock_job(tx, job_id), generation=generation, looks=looks)


async def suspects(farm: Farm, job_id: UUID) -> int:
    """What the job counts, after checking it against what its frames show."""
    counted = (await farm.job(job_id)).suspects
    async with farm.db.transaction() as tx:
        assert counted == len(await flags_of(tx, job_id=job_id, ordinals=range(10)))
    return int(counted)


async def test_a_black_frame_that_is_rendered_again_and_looks_well_is_no_suspect_any_more(farm: Farm) -> None:
    job_id = await farm.start(frames="1-5")
    await look(farm, job_id, 1, f1=_WELL, f2=_BLACK, f3=_WELL, f4=_WELL, f5=_WELL)
    assert await suspects(farm, job_id) == 1
    await look(farm, job_id, 2, f2=_WELL)
    assert await suspects(farm, job_id) == 0


async def test_a_frame_that_is_black_again_is_one_suspect_and_a_late_look_at_an_old_picture_changes_nothing(
    farm: Farm,
) -> None:
    job_id = await farm.start(frames="1-5")
    await look(farm, job_id, 1, f1=_WELL, f2=_BLACK, f3=_WELL)
    await look(farm, job_id, 3, f2=_BLACK)
    assert await suspects(farm, job_id) == 1
    await look(farm, job_id, 2, f2=_WELL)
    await look(farm, job_id, 3, f2=_BLACK)
    assert await suspects(farm, job_id) == 1
    assert len(await farm.rows("select 1 from frame_flag")) == 2
