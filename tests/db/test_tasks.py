"""Probes, previews and films: rows that a Ray task executes, fenced like chunks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.dispatch import (
    ClaimedTask,
    LostLeadership,
    claim_tasks,
    fail_task,
    finish_probe,
    finish_task,
    postpone_task,
    renew_tasks,
    rescue_expired,
)
from db.steps import MAX_LIVE_STEPS, add_step, list_steps, without_picture
from db.submit import register_model
from jobs.errors import Conflict
from jobs.limits import FarmLimits
from jobs.states import WorkKind
from tests.db.builders import LEASE, Farm, artifact

KINDS = (WorkKind.PROBE, WorkKind.POST)


class TestFilm:
    async def test_a_job_waits_for_its_film_and_then_succeeds(self, farm: Farm) -> None:
        job_id = await _finishing(farm)
        [task] = await _claim(farm)
        assert (task.kind, task.task, task.job_id) == (WorkKind.POST, "video", job_id)
        files = [artifact("v/film.mp4", kind="video"), artifact("v/film.webm", kind="video_preview")]
        assert await finish_task(farm.db, work_id=task.work_id, fence=task.fence, artifacts=files, took_ms=5)
        assert (await farm.job(job_id)).state == "succeeded"
        kinds = [row.kind for row in await farm.rows("select kind from artifact where ordinal is null order by kind")]
        assert kinds == ["video", "video_preview"]
        [data] = [data for _, kind, data in await farm.events(job_id) if kind == "output.ready"]
        assert (data["kind"], [item["kind"] for item in data["artifacts"]]) == ("video", ["video", "video_preview"])

    async def test_delivered_twice_the_second_is_superseded(self, farm: Farm) -> None:
        await _finishing(farm)
        [task] = await _claim(farm)
        answers = [
            await finish_task(
                farm.db, work_id=task.work_id, fence=task.fence, artifacts=[artifact("v", kind="video")], took_ms=5
            )
            for _ in range(2)
        ]
        assert answers == [True, False]
        assert (await farm.one("select count(*) as n from artifact where kind = 'video'")).n == 1

    async def test_it_is_tried_three_times_and_then_the_job_fails_saying_why(self, farm: Farm) -> None:
        job_id = await _finishing(farm)
        for tries in range(3):
            await farm.execute("update work set not_before = now() where state = 'queued'")
            [task] = await _claim(farm)
            assert task.tries == tries
            assert await fail_task(farm.db, work_id=task.work_id, fence=task.fence, message="no room", retryable=True)
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.committed) == ("failed", "bad_output", 2)
        assert "video could not be made: no room" in job.message

    async def test_what_cannot_succeed_is_not_tried_again(self, farm: Farm) -> None:
        job_id = await _finishing(farm)
        [task] = await _claim(farm)
        await fail_task(farm.db, work_id=task.work_id, fence=task.fence, message="odd sizes", retryable=False)
        assert (await farm.job(job_id)).state == "failed"

    async def test_a_failed_task_waits_before_it_is_claimed_again(self, farm: Farm) -> None:
        await _finishing(farm)
        [task] = await _claim(farm)
        await fail_task(farm.db, work_id=task.work_id, fence=task.fence, message="no", retryable=True)
        assert len(await _claim(farm)) == 1  # the first time at once
        [row] = await farm.rows("select id, fence from work where state = 'leased'")
        await fail_task(farm.db, work_id=row.id, fence=row.fence, message="no", retryable=True)
        assert await _claim(farm) == []

    async def test_a_cancel_while_it_is_made_ends_the_job_and_drops_it(self, farm: Farm) -> None:
        job_id = await _finishing(farm)
        [task] = await _claim(farm)
        await farm.change(job_id, "cancel")
        assert (await farm.job(job_id)).state == "canceled"
        assert not await finish_task(farm.db, work_id=task.work_id, fence=task.fence, artifacts=[], took_ms=5)
        assert not await fail_task(farm.db, work_id=task.work_id, fence=task.fence, message="x", retryable=True)

    async def test_a_job_with_failed_frames_gets_no_film(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-2", outputs={"video": "auto"}, limits={"tries": 1})
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.fail(chunk, 0)
        await farm.commit(chunk, [1])
        assert (await farm.job(job_id)).state == "failed"
        assert await _claim(farm) == []


class TestOutage:
    async def test_it_costs_no_try_however_often_it_is_met(self, farm: Farm) -> None:
        job_id = await _finishing(farm)
        for _ in range(9):
            [task] = await _claim_now(farm)
            assert await postpone_task(farm.db, work_id=task.work_id, fence=task.fence, message="S3 is away")
            row = await farm.work(task.work_id)
            assert (row.state, row.tries, row.worker_failures) == ("queued", 0, 0)
        [task] = await _claim_now(farm)
        files = [artifact("v/film.mp4", kind="video")]
        assert await finish_task(farm.db, work_id=task.work_id, fence=task.fence, artifacts=files, took_ms=5)
        assert (await farm.job(job_id)).state == "succeeded"
        assert (await farm.work(task.work_id)).error is None

    async def test_the_row_waits_longer_each_time_up_to_a_bound_and_says_why(self, farm: Farm) -> None:
        await _register(farm)
        pauses = []
        for _ in range(7):
            [task] = await _claim_now(farm)
            await postpone_task(farm.db, work_id=task.work_id, fence=task.fence, message="S3\x00 is away")
            row = await farm.work(task.work_id)
            assert row.error == "S3\ufffd is away"
            pauses.append((row.not_before - row.updated_at).total_seconds())  # both of one instant of the database
        assert pauses == [2, 4, 8, 16, 30, 30, 30]
        assert await _claim(farm) == []

    async def test_a_pause_stays_bounded_after_weeks(self, farm: Farm) -> None:
        await _register(farm)
        await farm.execute("update work set resource_failures = 1000000")
        [task] = await _claim(farm)
        assert await postpone_task(farm.db, work_id=task.work_id, fence=task.fence, message="S3 is away")
        row = await farm.work(task.work_id)
        assert row.not_before - row.updated_at == timedelta(seconds=30)

    async def test_tries_of_its_own_are_kept_and_still_end_it(self, farm: Farm) -> None:
        model_id = await _register(farm)
        for _ in range(3):
            [task] = await _claim_now(farm)
            await postpone_task(farm.db, work_id=task.work_id, fence=task.fence, message="S3 is away")
            [task] = await _claim_now(farm)
            await fail_task(farm.db, work_id=task.work_id, fence=task.fence, message="broken", retryable=True)
        assert (await farm.one("select state from model where id = :id", id=model_id)).state == "invalid"

    async def test_who_is_superseded_postpones_nothing(self, farm: Farm) -> None:
        await _finishing(farm)
        [task] = await _claim(farm)
        answers = [
            await postpone_task(farm.db, work_id=task.work_id, fence=task.fence, message="S3 is away") for _ in range(2)
        ]
        assert answers == [True, False]
        [again] = await _claim_now(farm)
        assert not await postpone_task(farm.db, work_id=task.work_id, fence=task.fence, message="S3 is away")
        assert (await farm.work(again.work_id)).state == "leased"

    async def test_a_cancel_while_it_ran_is_not_undone(self, farm: Farm) -> None:
        job_id = await _finishing(farm)
        [task] = await _claim(farm)
        await farm.change(job_id, "cancel")
        assert not await postpone_task(farm.db, work_id=task.work_id, fence=task.fence, message="S3 is away")
        assert await _claim(farm) == []


class TestPreviews:
    async def test_they_never_hold_the_verdict_back_and_may_come_after_it(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-2")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.commit(chunk, needs_preview=True)
        assert (await farm.job(job_id)).state == "succeeded"
        [task] = await _claim(farm)
        assert (task.task, task.ordinals) == ("preview", [0, 1])
        files = [artifact(f"p/{ordinal}.webp", kind="preview", ordinal=ordinal) for ordinal in (0, 1)]
        assert await finish_task(farm.db, work_id=task.work_id, fence=task.fence, artifacts=files, took_ms=5)
        rows = await farm.rows("select ordinal from artifact where kind = 'preview' order by ordinal")
        assert [row.ordinal for row in rows] == [0, 1]

    async def test_a_failed_one_is_an_event_and_nothing_more(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-2")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.commit(chunk, needs_preview=True)
        [task] = await _claim(farm)
        await fail_task(farm.db, work_id=task.work_id, fence=task.fence, message="odd file", retryable=False)
        assert (await farm.job(job_id)).state == "succeeded"
        assert (await farm.events(job_id))[-1][1] == "output.failed"


class TestProbe:
    async def test_a_model_becomes_ready_with_what_was_found(self, farm: Farm) -> None:
        model_id = await _register(farm)
        [task] = await _claim(farm)
        assert (task.kind, task.model_id, task.job_id) == (WorkKind.PROBE, model_id, None)
        assert await finish_probe(
            farm.db, work_id=task.work_id, fence=task.fence, model_state="ready", probe={"fps": 24.0}, problem=None
        )
        row = await farm.one("select state, probe from model where id = :id", id=model_id)
        assert tuple(row) == ("ready", {"fps": 24.0})
        assert not await finish_probe(
            farm.db, work_id=task.work_id, fence=task.fence, model_state="invalid", probe=None, problem=None
        )
        assert (await farm.one("select kind from event where model_id = :id", id=model_id)).kind == "model.state"

    async def test_a_model_that_cannot_be_opened_is_invalid_with_the_reason(self, farm: Farm) -> None:
        model_id = await _register(farm)
        [task] = await _claim(farm)
        await fail_task(farm.db, work_id=task.work_id, fence=task.fence, message="not a .blend", retryable=False)
        row = await farm.one("select state, problem from model where id = :id", id=model_id)
        assert row.state == "invalid"
        assert "not a .blend" in row.problem["message"]

    async def test_one_that_breaks_is_tried_three_times_and_then_the_remedy_is_the_errors_own(self, farm: Farm) -> None:
        model_id = await _register(farm)
        for state in ("probing", "probing", "invalid"):
            await farm.execute("update work set not_before = now()")
            [task] = await _claim(farm)
            key = {"work_id": task.work_id, "fence": task.fence}
            await fail_task(farm.db, **key, message="It wrote 9 GiB.", remedy="Raise the limit.", retryable=True)
            row = await farm.one("select state, problem from model where id = :id", id=model_id)
            assert row.state == state
        assert row.problem["message"] == "The model could not be opened: It wrote 9 GiB."
        assert row.problem["remedy"].startswith("Raise the limit. Register the model again")
        assert (await farm.one("select error from work")).error == "It wrote 9 GiB. Raise the limit."


class TestLeases:
    async def test_tasks_are_claimed_once_and_the_most_urgent_first(self, farm: Farm) -> None:
        await _finishing(farm)
        await _register(farm)
        [first] = await _claim(farm, limit=1)
        assert first.kind is WorkKind.PROBE
        [second] = await _claim(farm)
        assert second.kind is WorkKind.POST
        assert await _claim(farm) == []

    async def test_only_the_kinds_asked_for_are_claimed(self, farm: Farm) -> None:
        await _finishing(farm)
        assert await _claim(farm, kinds=(WorkKind.PROBE,)) == []

    async def test_renewing_tells_which_are_still_held(self, farm: Farm) -> None:
        await _finishing(farm)
        [task] = await _claim(farm)
        key = (task.work_id, task.fence)
        await farm.expire(task.work_id)
        assert await renew_tasks(farm.db, tasks=[key, (task.work_id, task.fence + 1), (999, 1)], lease=LEASE) == [key]
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=FarmLimits()) == 0

    async def test_a_lost_lease_is_claimed_again_and_the_first_owner_is_superseded(self, farm: Farm) -> None:
        await _finishing(farm)
        [lost] = await _claim(farm)
        await farm.expire(lost.work_id)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=FarmLimits()) == 1
        [again] = await _claim(farm)
        assert again.fence > lost.fence
        assert not await finish_task(farm.db, work_id=lost.work_id, fence=lost.fence, artifacts=[], took_ms=5)
        assert await finish_task(farm.db, work_id=again.work_id, fence=again.fence, artifacts=[], took_ms=5)

    async def test_a_probe_that_kills_its_workers_makes_the_model_invalid(self, farm: Farm) -> None:
        model_id = await _register(farm)
        limits = FarmLimits(worker_failures_per_frame=2)
        for _ in range(2):
            await farm.execute("update work set not_before = now() where state = 'queued'")
            [task] = await _claim(farm)
            await farm.expire(task.work_id)
            await rescue_expired(farm.db, epoch=await farm.lead(), limits=limits)
        assert (await farm.one("select state from model where id = :id", id=model_id)).state == "invalid"

    async def test_a_film_that_kills_its_workers_fails_the_job(self, farm: Farm) -> None:
        job_id = await _finishing(farm)
        [task] = await _claim(farm)
        await farm.expire(task.work_id)
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=FarmLimits(worker_failures_per_frame=1))
        assert (await farm.job(job_id)).state == "failed"

    async def test_who_leads_no_more_claims_nothing(self, farm: Farm) -> None:
        await _finishing(farm)
        with pytest.raises(LostLeadership):
            await _claim(farm, epoch=await farm.lead() + 1000)


async def _finishing(farm: Farm, **outputs: Any) -> UUID:
    job_id = await farm.start(frames="1-2", outputs={"video": "auto", "previews": False, **outputs})
    chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
    await farm.commit(chunk)
    assert (await farm.job(job_id)).state == "finishing"
    return job_id


async def _register(farm: Farm) -> UUID:
    async with farm.db.transaction() as tx:
        manifest = {"kind": "fake", "main": "scene", "files": [], "remap": {}}
        made = await register_model(
            tx,
            project_id=farm.project_id,
            name="m",
            manifest_json=manifest,
            kind="fake",
            digest=uuid4().hex * 2,
            max_models=99,
        )
    return made.id


async def _claim(
    farm: Farm, *, limit: int = 10, kinds: tuple[WorkKind, ...] = KINDS, epoch: int | None = None
) -> list[ClaimedTask]:
    return await claim_tasks(
        farm.db,
        kinds=kinds,
        limit=limit,
        lease=timedelta(minutes=1),
        holder=farm.model_id,
        epoch=await farm.lead() if epoch is None else epoch,
    )


async def _claim_now(farm: Farm) -> list[ClaimedTask]:
    """As after the pause."""
    await farm.execute("update work set not_before = now() where state = 'queued'")
    return await _claim(farm)


class TestContactSheet:
    async def test_a_job_waits_for_both_its_film_and_its_contact_sheet(self, farm: Farm) -> None:
        job_id = await _finishing(farm, contact_sheet={})
        tasks = {task.task: task for task in await _claim(farm)}
        assert set(tasks) == {"video", "contact_sheet"}
        for name, state in (("contact_sheet", "finishing"), ("video", "succeeded")):
            task = tasks[name]
            assert await finish_task(farm.db, work_id=task.work_id, fence=task.fence, artifacts=[], took_ms=5)
            assert (await farm.job(job_id)).state == state

    async def test_one_that_fails_fails_the_job_and_the_other_still_lands(self, farm: Farm) -> None:
        job_id = await _finishing(farm, contact_sheet={"columns": 2})
        tasks = {task.task: task for task in await _claim(farm)}
        sheet, film = tasks["contact_sheet"], tasks["video"]
        assert await fail_task(farm.db, work_id=sheet.work_id, fence=sheet.fence, message="too big", retryable=False)
        job = await farm.job(job_id)
        assert (job.state, job.end_reason) == ("failed", "bad_output")
        assert "contact sheet could not be made: too big" in job.message
        files = [artifact("v/film.mp4", kind="video")]
        assert await finish_task(farm.db, work_id=film.work_id, fence=film.fence, artifacts=files, took_ms=5)
        assert (await farm.job(job_id)).state == "failed"


class TestStep:
    async def test_a_job_that_has_succeeded_stays_so_while_a_step_adds_files(self, farm: Farm) -> None:
        job_id = await _succeeded(farm)
        async with farm.db.transaction() as tx:
            step = await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0, 1])
        [task] = await _claim(farm)
        assert (task.work_id, task.task, task.ordinals) == (step.id, "step", [0, 1])
        data = {**(task.data or {}), "result": {"frames": 2}}
        files = [artifact("s/0001.exr", kind="extra")]
        assert await finish_task(farm.db, work_id=task.work_id, fence=task.fence, artifacts=files, took_ms=5, data=data)
        assert (await farm.job(job_id)).state == "succeeded"
        async with farm.db.transaction() as tx:
            [row] = await list_steps(tx, job_id=job_id, limit=10)
        assert (row.state, row.request, row.result) == ("done", {"step": "denoise"}, {"frames": 2})

    async def test_a_step_that_fails_leaves_the_verdict_alone_and_says_why(self, farm: Farm) -> None:
        job_id = await _succeeded(farm)
        async with farm.db.transaction() as tx:
            await add_step(tx, job_id=job_id, request={"step": "upscale"}, ordinals=[0])
        [task] = await _claim(farm)
        assert await fail_task(farm.db, work_id=task.work_id, fence=task.fence, message="no network", retryable=False)
        job = await farm.job(job_id)
        assert (job.state, job.end_reason) == ("succeeded", "ok")
        async with farm.db.transaction() as tx:
            [row] = await list_steps(tx, job_id=job_id, limit=10)
        assert (row.state, row.error) == ("failed", "no network")

    async def test_a_cancel_takes_the_step_of_a_running_job_along(self, farm: Farm) -> None:
        job_id = await _finishing(farm)
        async with farm.db.transaction() as tx:
            await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])
        await farm.change(job_id, "cancel")
        assert await _claim(farm) == []
        async with farm.db.transaction() as tx:
            with pytest.raises(Conflict, match="canceled"):
                await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])

    async def test_so_many_at_once_and_no_more(self, farm: Farm) -> None:
        job_id = await _succeeded(farm)
        async with farm.db.transaction() as tx:
            for _ in range(MAX_LIVE_STEPS):
                await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])
            with pytest.raises(Conflict, match="wait or run already"):
                await add_step(tx, job_id=job_id, request={"step": "denoise"}, ordinals=[0])

    async def test_frames_without_a_file_are_told(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-3")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        await farm.commit(chunk, [1])
        async with farm.db.transaction() as tx:
            assert await without_picture(tx, job_id=job_id, ordinals=[2, 1, 0]) == [0, 2]


async def _succeeded(farm: Farm) -> UUID:
    job_id = await farm.start(frames="1-2", outputs={"video": None, "previews": False})
    await farm.commit(await farm.rendering(job_id, await farm.replica(), frames=2))
    assert (await farm.job(job_id)).state == "succeeded"
    return job_id
