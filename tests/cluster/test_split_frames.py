"""One frame over several replicas: what is merged equals what is rendered whole, whatever goes wrong on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from cluster.fanout.news import Hear
from db.dispatch import ClaimedTask
from db.queue import ClaimedChunk, claim_chunk, has_claimable
from db.session import Database
from jobs.states import EndReason, JobState, WorkKind
from pipelines.fake.png import gradient_png
from storage.keys import require_key
from tests.cluster.engine_rooms import engines
from tests.cluster.in_process import InProcessFarm, InProcessLauncher

PICTURE = {"width": 37, "height": 21, "seed": 5}


async def picture_of(farm: InProcessFarm, job_id: UUID, ordinal: int, folder: Path) -> bytes:
    [row] = await farm.rows(
        "select storage_key, name from artifact where job_id = :id and ordinal = :o and kind = 'frame'",
        id=job_id,
        o=ordinal,
    )
    target = folder / f"{uuid4().hex}-{row.name}"
    await farm.storage.fetch(row.storage_key, target)
    return target.read_bytes()


async def states_of_work(farm: InProcessFarm, job_id: UUID) -> set[str]:
    rows = await farm.rows("select state from work where job_id = :id", id=job_id)
    return {row.state for row in rows}


async def stored_parts(farm: InProcessFarm) -> list[Any]:
    rows = await farm.rows("select storage_key from part_result")
    return [stored for row in rows if (stored := await farm.storage.stat(require_key(row.storage_key)))]


@pytest.mark.parametrize(("mode", "samples"), [("borders", 1), ("samples", 11)])
async def test_a_job_split_over_two_replicas_gives_the_very_pictures_of_one_that_is_not(
    farm: InProcessFarm, tmp_path: Path, mode: str, samples: int
) -> None:
    farm.start_dispatcher()
    replicas = {farm.start_replica().identity.id for _ in range(2)}
    settings = {**PICTURE, "samples": samples, "render_ms": 400}
    job_id = await farm.submit(frames="3-5", settings=settings, split={"mode": mode, "parts": 4})
    job = await farm.ended(job_id)
    assert (job.state, job.end_reason, job.committed, job.failed) == (JobState.SUCCEEDED, EndReason.OK, 3, 0)
    for ordinal, frame in enumerate((3, 4, 5)):
        assert await picture_of(farm, job_id, ordinal, tmp_path) == gradient_png(
            **PICTURE, frame=frame, samples=samples
        )
    parts = await farm.rows("select ordinal, part, replica_id from part_result order by ordinal, part")
    assert [(row.ordinal, row.part) for row in parts] == [(o, p) for o in range(3) for p in range(4)]
    assert {row.replica_id for row in parts} == replicas
    assert (await states_of_work(farm, job_id)) == {"done"}
    await farm.until(lambda: _none(stored_parts(farm)))  # the files of parts go with the merge
    attempts = await farm.rows("select metrics from attempt where outcome = 'ok'")
    assert len(attempts) == 3 * 4 + 3


async def test_a_whole_job_does_not_take_the_frames_of_a_split_one(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    for split, reused in (
        ({"mode": "borders", "parts": 2}, 0),
        ({"mode": "none", "parts": 1}, 0),
        ({"mode": "borders", "parts": 3}, 0),
        ({"mode": "borders", "parts": 2}, 2),
    ):
        job = await farm.ended(await farm.submit(frames="1-2", settings=PICTURE, split=split))
        assert (job.state, job.reused) == (JobState.SUCCEEDED, reused)


async def test_a_part_that_a_claim_passed_over_while_another_held_it_is_claimed_again(
    farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who starts the other part holds it. Nobody tells of the lock's end, and the next look is an hour away."""
    passed_over: list[object] = []

    async def claim_under_a_lock(db: Database, *, replica_id: UUID, **named: Any) -> ClaimedChunk | None:
        if passed_over or not await has_claimable(db, replica_id=replica_id):
            return await claim_chunk(db, replica_id=replica_id, **named)
        async with db.transaction() as tx:
            await tx.execute(text("select from work where assigned_to = :id for no key update"), {"id": replica_id})
            passed_over.append(await claim_chunk(db, replica_id=replica_id, **named))
        return None

    farm.settings = farm.settings.model_copy(update={"unclaimed_poll": timedelta(hours=1)})
    monkeypatch.setattr("cluster.replica.claim_chunk", claim_under_a_lock)
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1", settings=PICTURE))
    assert job.state is JobState.SUCCEEDED
    assert passed_over == [None]


async def test_an_engine_killed_in_the_middle_costs_its_part_one_try_and_the_other_parts_none(
    farm: InProcessFarm, tmp_path: Path
) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    farm.start_replica()
    job_id = await farm.submit(
        frames="1", settings={**PICTURE, "render_ms": 6000}, split={"mode": "borders", "parts": 2}
    )
    await farm.until(lambda: _two_render(farm))
    both = engines()
    assert len(both) == 2
    both[0].kill()
    job = await farm.ended(job_id)
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 1)
    assert await picture_of(farm, job_id, 0, tmp_path) == gradient_png(**PICTURE, frame=1)
    outcomes = await farm.rows("select outcome, metrics ->> 'part' as part from attempt order by outcome, part")
    assert [tuple(row) for row in outcomes] == [
        ("engine_crash", None),
        ("ok", "0"),
        ("ok", "1"),
        ("ok", None),
    ]


async def test_a_replica_killed_in_the_middle_loses_its_part_to_the_other(farm: InProcessFarm, tmp_path: Path) -> None:
    farm.start_dispatcher()
    doomed = farm.start_replica()
    farm.start_replica()
    job_id = await farm.submit(
        frames="1", settings={**PICTURE, "render_ms": 2000}, split={"mode": "borders", "parts": 2}
    )
    await farm.until(lambda: _two_render(farm))
    await farm.kill(doomed)
    job = await farm.ended(job_id)
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 1)
    assert await picture_of(farm, job_id, 0, tmp_path) == gradient_png(**PICTURE, frame=1)


async def test_a_drained_replica_finishes_its_part_and_the_other_does_the_rest(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    leaving = farm.start_replica()
    farm.start_replica()
    job_id = await farm.submit(
        frames="1", settings={**PICTURE, "render_ms": 1200}, split={"mode": "borders", "parts": 6}
    )
    await farm.until(lambda: _two_render(farm))
    await leaving.drain("test")
    job = await farm.ended(job_id)
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 1)
    tries = await farm.rows("select outcome from attempt")
    assert [row.outcome for row in tries] == ["ok"] * 7  # six parts and the merge, none of them twice


async def test_a_cancel_in_the_middle_stops_every_part_and_leaves_nothing_queued(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    farm.start_replica()
    job_id = await farm.submit(
        frames="1-3", settings={**PICTURE, "render_ms": 600_000}, split={"mode": "borders", "parts": 3}
    )
    await farm.until(lambda: _two_render(farm))
    await farm.cancel(job_id)
    job = await farm.ended(job_id)
    assert (job.state, job.end_reason, job.canceled, job.committed) == (
        JobState.CANCELED,
        EndReason.USER_CANCEL,
        3,
        0,
    )
    assert await states_of_work(farm, job_id) <= {"canceled", "done"}
    assert (await farm.ended(await farm.submit(frames="1-2"))).state is JobState.SUCCEEDED  # the replicas go on


async def test_a_part_that_fails_once_is_tried_again_alone(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    faults = {"fail_frames": [{"frame": 2, "part": 1, "times": 1}], "fault_key": uuid4().hex}
    job = await farm.ended(
        await farm.submit(frames="1-2", settings={**PICTURE, **faults}, split={"mode": "borders", "parts": 3})
    )
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 2)
    [failed] = await farm.rows("select outcome, ordinal from attempt where outcome <> 'ok'")
    assert tuple(failed) == ("engine_error", 1)
    assert len(await farm.rows("select 1 from attempt where outcome = 'ok'")) == 2 * 3 + 2


async def test_a_part_that_always_fails_fails_its_frame_and_stops_the_part_that_still_renders(
    farm: InProcessFarm,
) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    farm.start_replica()
    faults = {"fail_frames": [{"frame": 1, "part": 0}], "hang_frames": [{"frame": 1, "part": 1}]}
    job = await farm.ended(
        await farm.submit(
            frames="1-2",
            settings={**PICTURE, **faults},
            split={"mode": "borders", "parts": 2},
            limits={"tries": 2},
        )
    )
    assert (job.state, job.end_reason) == (JobState.FAILED, EndReason.ENGINE_ERROR)
    assert (job.committed, job.failed) == (1, 1)
    rows = await farm.rows("select 1 from work where state in ('queued', 'leased', 'rendering')")
    assert rows == []


@dataclass
class Damaging:
    """Another picture lies where part 0 was stored, before the merge looks."""

    farm: InProcessFarm
    picture: Path

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        if tasks[0].kind is WorkKind.MERGE:
            self.picture.write_bytes(gradient_png(**PICTURE, frame=9))
            [first] = await self.farm.rows("select storage_key from part_result where part = 0")
            await self.farm.storage.put_artifact(first.storage_key, self.picture, media_type="image/png")
        await InProcessLauncher().launch(tasks, hear)


async def test_parts_that_storage_damaged_are_merged_in_vain_and_the_frame_says_so(
    farm: InProcessFarm, tmp_path: Path
) -> None:
    farm.launcher = Damaging(farm, tmp_path / "another.png")
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1", settings=PICTURE, split={"mode": "borders", "parts": 2}))
    assert (job.state, job.end_reason, job.failed) == (JobState.FAILED, EndReason.BAD_OUTPUT, 1)
    assert "Part 0 is not stored as it was rendered." in (job.message or "")
    tries = await farm.rows("select outcome from attempt where outcome <> 'ok'")
    assert [row.outcome for row in tries] == ["bad_output"] * 3


async def test_a_large_merged_frame_gets_its_preview(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job_id = await farm.submit(frames="1", settings={"width": 640, "height": 36}, split={"mode": "borders", "parts": 2})
    assert (await farm.ended(job_id)).state is JobState.SUCCEEDED
    await farm.until(lambda: farm.rows("select 1 from artifact where kind = 'preview'"))


async def _two_render(farm: InProcessFarm) -> bool:
    return len(await farm.rows("select 1 from work where kind = 'part' and state = 'rendering'")) == 2


async def _none(found: Any) -> bool:
    return not await found
