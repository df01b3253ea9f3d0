"""What users of other render services have run into at the front door, told as stories."""

from __future__ import annotations

import asyncio

import pytest

from tests.serve_app.farm import ApiFarm


async def test_a_client_that_gave_up_waiting_gets_its_job_at_any_phase(farm: ApiFarm) -> None:
    """Cog: the retry of a request that had timed out met 409 while it ran, and 500 behind its end."""
    spec = await farm.spec()
    headers = {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(*(farm.http.post("/v1/jobs", json=spec, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    [job_id] = {answer.json()["id"] for answer in answers}
    assert await farm.count("job") == 1
    seen = []
    for frames in (2, 2, 0):
        again = (await farm.http.post("/v1/jobs", json=spec, headers=headers)).json()
        assert again["id"] == job_id
        seen.append(again["state"])
        if frames:
            await farm.render(job_id, frames=frames)
    assert seen == ["queued", "running", "succeeded"]


async def test_a_retry_a_week_later_does_not_make_the_rest_look_a_week_long(farm: ApiFarm) -> None:
    """OpenCue's web shows no ETA at all, Flamenco none either; a wrong one would be no better."""
    job = await farm.submit()
    await farm.render(job["id"], frames=1)
    await farm.http.post(job["links"]["cancel"])
    await farm.execute(
        "update job set started_at = started_at - interval '7 days', ended_at = ended_at - interval '7 days',"
        " running_since = running_since - interval '7 days'"
    )
    await farm.http.post(f"/v1/jobs/{job['id']}/retry")
    await farm.start(job["id"])
    begun = (await farm.http.get(job["links"]["self"])).json()
    assert (begun["frames_per_second"], begun["eta_seconds"]) == (None, None)  # nothing to go by yet
    await farm.render(job["id"], frames=1)
    seen = (await farm.http.get(job["links"]["self"])).json()
    assert (seen["state"], seen["counts"]["committed"]) == ("running", 2)
    assert 0 < seen["eta_seconds"] < 86400
    assert seen["started_at"] < begun["created_at"]  # it started when it first did


async def test_the_loading_of_the_scene_is_not_counted_into_each_frame_to_come(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1-24")
    await farm.start(job["id"])
    assert (await farm.http.get(job["links"]["self"])).json()["eta_seconds"] is None
    await farm.execute("update job set running_since = running_since - interval '1 hour'")  # spent on loading
    replica, chunk = await farm.claim(job["id"], frames=4)
    await farm.commit(replica, chunk, 0, 1)
    seen = (await farm.http.get(job["links"]["self"])).json()
    assert seen["eta_seconds"] == pytest.approx(22 * seen["seconds_per_frame"])
    await farm.claim(job["id"], frames=4)  # by a second replica
    both = (await farm.http.get(job["links"]["self"])).json()
    assert both["eta_seconds"] == pytest.approx(11 * seen["seconds_per_frame"])
