"""Jobs are steered over REST: each command, each refusal with the state and what is allowed, clone and dry run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from jobs.spec import JobSpec
from pipelines.render_keys import render_key_of
from tests.serve_app.farm import ApiFarm, problem_of


async def failed_job(farm: ApiFarm, **spec: Any) -> str:
    """Frames 1-3, of which the second failed."""
    job_id = str((await farm.submit(frames="1-3", limits={"tries": 1}, **spec))["id"])
    await farm.start(job_id)
    replica, chunk = await farm.claim(job_id, frames=3)
    await farm.fail(replica, chunk, 1)
    await farm.commit(replica, chunk, 0, 2)
    return job_id


async def seen(farm: ApiFarm, job_id: str) -> Any:
    return (await farm.http.get(f"/v1/jobs/{job_id}")).json()


async def states(farm: ApiFarm, job_id: str) -> list[str]:
    page = (await farm.http.get(f"/v1/jobs/{job_id}/frames")).json()
    return [frame["state"] for frame in page["items"]]


class TestCommands:
    async def test_pause_and_resume(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        assert set(job["links"]["commands"]) == {"pause", "cancel"}
        paused = (await farm.http.post(job["links"]["commands"]["pause"])).json()
        assert (paused["state"], paused["wait"]["reason"]) == ("paused", "paused")
        resumed = (await farm.http.post(paused["links"]["commands"]["resume"])).json()
        assert resumed["state"] == "queued"

    @pytest.mark.parametrize("command", ["resume", "approve", "retry"])
    async def test_a_refused_command_is_409_with_the_state_and_what_is_allowed(
        self, farm: ApiFarm, command: str
    ) -> None:
        job = await farm.submit()
        problem = problem_of(await farm.http.post(f"/v1/jobs/{job['id']}/{command}"), 409, "conflict")
        assert (problem["state"], problem["allowed"]) == ("queued", ["pause", "cancel"])
        assert "pause, cancel" in problem["remedy"]

    async def test_a_job_of_another_project_is_not_found_by_any_command(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        headers = {"Authorization": f"Bearer {await farm.new_key('other')}"}
        root = f"/v1/jobs/{job['id']}"
        for command in ("pause", "resume", "approve", "retry", "clone"):
            problem_of(await farm.http.post(f"{root}/{command}", headers=headers), 404, "not-found")
        problem_of(await farm.http.patch(root, json={"weight": 3}, headers=headers), 404, "not-found")
        body = {"action": "skip", "frames": "1"}
        problem_of(await farm.http.post(f"{root}/frames/actions", json=body, headers=headers), 404, "not-found")
        assert (await seen(farm, job["id"]))["state"] == "queued"

    async def test_scout_frames_wait_for_a_person(self, farm: ApiFarm) -> None:
        job = await farm.submit(approval=2)
        assert job["approval"] == 2
        await farm.render(job["id"], frames=4)
        waiting = await seen(farm, job["id"])
        assert (waiting["state"], waiting["wait"]["reason"], waiting["counts"]["committed"]) == (
            "awaiting_approval",
            "approval",
            2,
        )
        approved = (await farm.http.post(waiting["links"]["commands"]["approve"])).json()
        assert (approved["state"], approved["approval"]) == ("running", None)
        await farm.render(job["id"], frames=4)
        assert (await seen(farm, job["id"]))["state"] == "succeeded"


class TestFrames:
    async def test_a_retry_renders_what_failed(self, farm: ApiFarm) -> None:
        job_id = await failed_job(farm)
        assert (await seen(farm, job_id))["links"]["commands"] == {"retry": f"/v1/jobs/{job_id}/retry"}
        job = (await farm.http.post(f"/v1/jobs/{job_id}/retry")).json()
        assert (job["state"], job["generation"], job["counts"]["failed"]) == ("queued", 2, 0)
        assert await states(farm, job_id) == ["committed", "queued", "committed"]
        await farm.render(job_id, frames=3)
        assert (await seen(farm, job_id))["state"] == "succeeded"

    async def test_a_subset_is_named_by_frames(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="10-40:10")
        await farm.http.post(job["links"]["cancel"])
        again = await farm.http.post(f"/v1/jobs/{job['id']}/retry", json={"frames": "20,40"})
        assert again.json()["state"] == "queued"
        assert await states(farm, job["id"]) == ["canceled", "queued", "canceled", "queued"]

    async def test_an_action_changes_all_frames_or_none(self, farm: ApiFarm) -> None:
        job_id = await failed_job(farm)
        root = f"/v1/jobs/{job_id}/frames/actions"
        problem = problem_of(await farm.http.post(root, json={"action": "skip", "frames": "1-2"}), 409, "conflict")
        assert (problem["state"], problem["frames"]) == ("committed", [1])
        assert await states(farm, job_id) == ["committed", "failed", "committed"]
        done = (await farm.http.post(root, json={"action": "skip", "frames": "2"})).json()
        assert (done["changed"], done["job"]["state"], done["job"]["counts"]["skipped"]) == (1, "succeeded", 1)
        done = (await farm.http.post(root, json={"action": "requeue", "frames": "1-3"})).json()
        assert (done["changed"], done["job"]["state"]) == (3, "queued")

    async def test_a_requeued_frame_keeps_its_picture_until_the_new_one_is_there(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-2")
        await farm.render(job["id"], frames=2)

        async def pictures() -> dict[int, str]:
            items = (await farm.http.get(job["links"]["artifacts"])).json()["items"]
            assert len(items) == 2
            return {item["frame"]: item["id"] for item in items}

        before = await pictures()
        await farm.http.post(f"/v1/jobs/{job['id']}/frames/actions", json={"action": "requeue", "frames": "1"})
        assert await pictures() == before
        await farm.render(job["id"], frames=1)
        after = await pictures()
        assert after[2] == before[2]
        assert after[1] != before[1]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"action": "eat", "frames": "1"}, "action"),
            ({"action": "skip"}, "frames"),
            ({"action": "skip", "frames": "1-"}, "frames"),
            ({"action": "skip", "frames": "1-9"}, "frames"),
        ],
    )
    async def test_a_wrong_action_is_refused(self, farm: ApiFarm, body: dict[str, str], field: str) -> None:
        job = await farm.submit()
        answer = await farm.http.post(f"/v1/jobs/{job['id']}/frames/actions", json=body)
        assert problem_of(answer, 422, "invalid-input")["field"] == field

    async def test_a_feed_goes_on_behind_a_failure_that_was_retried(self, farm: ApiFarm) -> None:
        job_id = await failed_job(farm)
        await farm.http.post(f"/v1/jobs/{job_id}/retry")
        await farm.render(job_id, frames=1)
        feed = (await farm.http.get(f"/v1/jobs/{job_id}/events")).text
        told = [line for line in feed.splitlines() if line.startswith("event: ")]
        assert "event: frames.requeued" in told
        assert '"state":"failed"' in feed
        assert '"state":"succeeded"' in feed[feed.index('"state":"failed"') :]


class TestChange:
    async def test_only_what_is_named_changes(self, farm: ApiFarm) -> None:
        job = await farm.submit(weight=40)
        deadline = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        body = {"priority": "interactive", "finish_before": deadline, "max_replicas": 3}
        changed = (await farm.http.patch(job["links"]["self"], json=body)).json()
        assert (changed["priority"], changed["weight"], changed["max_replicas"]) == ("interactive", 40, 3)
        assert datetime.fromisoformat(changed["finish_before"]) == datetime.fromisoformat(deadline)
        assert changed["spec"]["priority"] == "normal"  # what was asked for
        freed = (await farm.http.patch(job["links"]["self"], json={"max_replicas": None})).json()
        assert (freed["max_replicas"], freed["priority"]) == (None, "interactive")

    async def test_who_looks_later_sees_what_a_change_changed(self, farm: ApiFarm) -> None:
        """OpenCue: no history tells who was before whom, or since when."""
        job = await farm.submit(weight=40)
        await farm.http.patch(job["links"]["self"], json={"weight": 7, "priority": "batch"})
        await farm.http.patch(job["links"]["self"], json={"weight": 7})  # as it is already
        await farm.http.post(job["links"]["cancel"])
        feed = (await farm.http.get(job["links"]["events"])).text
        told = [json.loads(line.removeprefix("data: ")) for line in feed.splitlines() if line.startswith("data: ")]
        [change] = [event for event in told if event["kind"] == "job.changed"]
        assert change["data"]["changes"] == {
            "weight": {"from": 40, "to": 7},
            "priority": {"from": "normal", "to": "batch"},
        }
        assert change["at"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"frames": "1-9"}, "frames"),
            ({"weight": 0}, "weight"),
            ({"finish_before": "2001-01-01T00:00:00Z"}, "finish_before"),
            ({"finish_before": "2031-01-01T00:00:00"}, "finish_before"),
        ],
    )
    async def test_what_cannot_be_changed_is_refused(self, farm: ApiFarm, body: dict[str, Any], field: str) -> None:
        job = await farm.submit()
        assert (
            problem_of(await farm.http.patch(job["links"]["self"], json=body), 422, "invalid-input")["field"] == field
        )


class TestDependencies:
    async def test_a_job_waits_for_another_and_says_so(self, farm: ApiFarm) -> None:
        first = await farm.submit()
        second = await farm.submit(depends_on=[{"job": first["id"]}])
        assert (second["state"], second["wait"]["reason"]) == ("blocked", "dependency")
        await farm.http.post(first["links"]["cancel"])
        failed = await seen(farm, second["id"])
        assert (failed["state"], failed["end_reason"]) == ("failed", "dependency_failed")
        assert first["id"] in failed["message"]

    async def test_an_unknown_job_or_a_passed_deadline_is_refused(self, farm: ApiFarm) -> None:
        body = await farm.spec(depends_on=[{"job": str(uuid4())}])
        assert problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")["field"] == "depends_on"
        body = await farm.spec(model=body["model"], start_before="2001-01-01T00:00:00Z")
        assert problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")["field"] == "start_before"


class TestClone:
    async def test_a_clone_has_another_range_and_settings_merged_key_by_key(self, farm: ApiFarm) -> None:
        """Asked for since 2012 (CGRU, OpenCue): the same job with another frame range."""
        job = await farm.submit(
            name="dusk",
            settings={"render_ms": 5, "width": 32},
            weight=40,
            finish_before=(datetime.now(UTC) + timedelta(hours=2)).isoformat(),
        )
        await farm.http.patch(job["links"]["self"], json={"priority": "batch"})
        changes = {"frames": "5-9", "settings": {"width": 64, "render_ms": None}, "name": "dusk 2"}
        answer = await farm.http.post(f"/v1/jobs/{job['id']}/clone", json=changes)
        assert answer.status_code == 202
        clone = answer.json()
        assert answer.headers["location"] == clone["links"]["self"]
        assert (clone["cloned_from"], clone["name"], clone["counts"]["total"]) == (job["id"], "dusk 2", 5)
        assert clone["spec"]["settings"] == {"width": 64}
        assert (clone["priority"], clone["weight"], clone["finish_before"]) == ("batch", 40, None)
        assert clone["model"] == job["model"]

    async def test_a_clone_without_changes_is_the_same_job_again_once_per_key(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        headers = {"Idempotency-Key": "k"}
        clones = [(await farm.http.post(f"/v1/jobs/{job['id']}/clone", headers=headers)).json() for _ in range(2)]
        assert clones[0]["id"] == clones[1]["id"] != job["id"]
        assert clones[0]["spec"] == job["spec"]

    async def test_what_a_submit_refuses_a_clone_refuses(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        for changes, field in (({"colour": 1}, "colour"), ({"frames": "x"}, "frames"), ({"settings": {"a": 1}}, "a")):
            answer = await farm.http.post(f"/v1/jobs/{job['id']}/clone", json=changes)
            assert problem_of(answer, 422, "invalid-input")["field"].endswith(field)
        assert await farm.count("job") == 1


class TestEstimate:
    async def test_nothing_is_made_up_on_a_farm_that_knows_nothing(self, farm: ApiFarm) -> None:
        body = await farm.spec(frames="1-10")
        found = (await farm.http.post("/v1/jobs/estimate", json=body)).json()
        assert found["frames"] == 10
        for figure in ("reused", "seconds_per_frame", "slot_seconds", "expected_seconds"):
            assert found[figure] is None
            assert found["unknown"][figure]
        assert (found["replicas"], found["seconds_per_frame_source"]) == (0, None)

    async def test_it_knows_what_was_rendered_and_how_long_it_took(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-4")
        await farm.render(job["id"], frames=4)
        model = (await farm.http.get(f"/v1/models/{job['model']}")).json()
        key = render_key_of(
            JobSpec.model_validate(job["spec"]),
            model_digest=model["digest"],
            engine_version="fake 1",
            device_class="cpu",
        )
        await farm.execute("update job set render_key = :key", key=key)
        await farm.replica()  # two are up now
        body = await farm.spec(model=job["model"], frames="3-10")
        found = (await farm.http.post("/v1/jobs/estimate", json=body)).json()
        assert (found["frames"], found["reused"], found["to_render"], found["replicas"]) == (8, 2, 6, 2)
        assert (found["seconds_per_frame_source"], found["measured_frames"]) == ("same_inputs", 4)
        assert found["seconds_per_frame"] == pytest.approx(0.0125)
        assert found["slot_seconds"] == pytest.approx(6 * 0.0125)
        assert found["expected_seconds"] == pytest.approx(3 * 0.0125)

        other = {**body, "settings": {"width": 128}, "reuse": False}
        found = (await farm.http.post("/v1/jobs/estimate", json=other)).json()
        assert (found["reused"], found["seconds_per_frame_source"]) == (0, "same_model")

    async def test_workers_that_fit_are_those_that_the_planner_would_take(self, farm: ApiFarm) -> None:
        await farm.replica()
        await farm.execute('update replica set labels = \'{"gpu_memory_gib": "24"}\'')
        body = await farm.spec(labels={"gpu_memory_gib": ">=16"})
        assert (await farm.http.post("/v1/jobs/estimate", json=body)).json()["replicas"] == 1
        body |= {"labels": {"gpu_memory_gib": ">=32"}}
        assert (await farm.http.post("/v1/jobs/estimate", json=body)).json()["replicas"] == 0

    async def test_it_refuses_what_a_submit_refuses_and_writes_nothing(self, farm: ApiFarm) -> None:
        body = await farm.spec()
        await farm.http.post("/v1/jobs/estimate", json=body)
        for change, field in (
            ({"settings": {"nothing": 1}}, "settings.nothing"),
            ({"depends_on": [{"job": str(uuid4())}]}, "depends_on"),
            ({"finish_before": "2001-01-01T00:00:00Z"}, "finish_before"),
        ):
            answer = await farm.http.post("/v1/jobs/estimate", json={**body, **change})
            assert problem_of(answer, 422, "invalid-input")["field"] == field
        problem_of(await farm.http.post("/v1/jobs/estimate", json={**body, "model": str(uuid4())}), 404, "not-found")
        assert await farm.count("job") == await farm.count("work where job_id is not null") == 0
