"""``Prefer: wait`` and ``respond-async`` (RFC 7240): an answer that waits for the end, bounded, without a poll."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from db.repositories.jobs import has_ended
from serve_app.prefer import Preferences, read_preferences
from serve_app.settings import ApiSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, until


def waits(farm: ApiFarm) -> int:
    """Requests that wait now."""
    hub = farm.app.state.services.hub
    return int(hub.streams)


async def submit_and_wait(farm: ApiFarm, prefer: str, **overrides: Any) -> asyncio.Task[httpx.Response]:
    spec = await farm.spec(**overrides)
    task = asyncio.create_task(farm.http.post("/v1/jobs", json=spec, headers={"Prefer": prefer}))
    await until(lambda: waits(farm) == 1 or task.done())
    return task


async def only_job(farm: ApiFarm) -> str:
    [job] = (await farm.http.get("/v1/jobs")).json()["items"]
    return str(job["id"])


class TestHeader:
    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            ([], Preferences()),
            (["wait=10"], Preferences(wait=timedelta(seconds=10))),
            (["respond-async, WAIT = 100"], Preferences(wait=timedelta(seconds=100), respond_async=True)),
            (["wait=1", "wait=2, Respond-Async"], Preferences(wait=timedelta(seconds=1), respond_async=True)),
            (['wait="7"; note="a, b", return="minimal"'], Preferences(wait=timedelta(seconds=7), return_="minimal")),
            (['wait=soon, wait=-1, return=nothing, priority=5, =, ;, "' + "x" * 50], Preferences()),
            (["wait=" + "9" * 5000], Preferences()),
            (["return=representation; foo"], Preferences(return_="representation")),
        ],
    )
    def test_it_is_read_as_the_rfc_writes_it_and_the_rest_is_ignored(
        self, lines: list[str], expected: Preferences
    ) -> None:
        assert read_preferences(lines) == expected


class TestSubmit:
    async def test_the_answer_comes_with_the_end_of_the_job(self, farm: ApiFarm) -> None:
        waiting = await submit_and_wait(farm, "wait=30", frames="1-2")
        job_id = await only_job(farm)
        await farm.render(job_id, frames=1)
        assert not waiting.done()
        await farm.render(job_id, frames=1)
        answer = await waiting
        assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
        assert answer.headers["preference-applied"] == "wait=30"
        assert answer.headers["location"] == f"/v1/jobs/{job_id}"
        assert waits(farm) == 0

    async def test_a_failed_job_ends_the_wait_too(self, farm: ApiFarm) -> None:
        waiting = await submit_and_wait(farm, "wait=30", frames="1")
        await farm.http.post(f"/v1/jobs/{await only_job(farm)}/cancel")
        assert (await waiting).json()["state"] == "canceled"

    async def test_when_the_wait_is_over_the_job_is_answered_as_it_is(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(), headers={"Prefer": "wait=1"})
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert answer.headers["preference-applied"] == "wait=1"

    async def test_respond_async_answers_at_once_and_says_so(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(), headers={"Prefer": "respond-async"})
        assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")

    async def test_without_a_preference_none_is_applied(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(), headers={"Prefer": "handling=lenient"})
        assert (answer.status_code, answer.headers.get("preference-applied")) == (202, None)

    async def test_a_job_that_is_refused_is_refused_at_once(self, farm: ApiFarm) -> None:
        spec = await farm.spec(settings={"nonsense": 1})
        assert (await farm.http.post("/v1/jobs", json=spec, headers={"Prefer": "wait=30"})).status_code == 422
        assert await farm.count("job") == 0

    async def test_a_client_that_goes_away_frees_its_place_and_cancels_nothing(
        self, farm: ApiFarm, server: Server
    ) -> None:
        spec = await farm.spec()
        waiting = asyncio.create_task(server.http.post("/v1/jobs", json=spec, headers={"Prefer": "wait=30"}))
        hub = server.app.state.services.hub
        await until(lambda: hub.streams == 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: hub.streams == 0)
        job_id = await only_job(farm)
        assert (await farm.http.get(f"/v1/jobs/{job_id}")).json()["state"] == "queued"

    async def test_a_wait_ends_with_the_app_and_the_job_goes_on(self, farm: ApiFarm, server: Server) -> None:
        spec = await farm.spec()
        waiting = asyncio.create_task(server.http.post("/v1/jobs", json=spec, headers={"Prefer": "wait=30"}))
        hub = server.app.state.services.hub
        await until(lambda: hub.streams == 1)
        hub.closing = True
        hub._wake_all()
        answer = await waiting
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")


class TestRead:
    async def test_it_waits_for_the_end_of_a_job(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1")
        waiting = asyncio.create_task(farm.http.get(job["links"]["self"], headers={"Prefer": "wait=30"}))
        await until(lambda: waits(farm) == 1)
        await farm.render(job["id"], frames=1)
        answer = await waiting
        assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
        assert answer.headers["preference-applied"] == "wait=30"

    async def test_a_job_that_has_ended_is_answered_at_once(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1")
        await farm.render(job["id"], frames=1)
        answer = await farm.http.get(job["links"]["self"], headers={"Prefer": "wait=30"})
        assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")


class TestCost:
    @pytest.fixture
    def api_settings(self, api_settings: ApiSettings) -> ApiSettings:
        return api_settings.model_copy(update={"heartbeat": timedelta(minutes=5)})

    async def test_a_hundred_waits_read_the_rows_with_the_events_of_their_job_alone(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job, other = await farm.submit(frames="1-3"), await farm.submit(frames="1-9")
        looks = 0

        async def counted(tx: Any, *, job_id: Any) -> bool:
            nonlocal looks
            looks += 1
            return await has_ended(tx, job_id=job_id)

        monkeypatch.setattr("serve_app.jobs.waiting.has_ended", counted)
        hub = farm.app.state.services.hub
        await asyncio.wait_for(hub.connected.wait(), 20)
        headers = {"Prefer": "wait=30"}
        tasks = [asyncio.create_task(farm.http.get(job["links"]["self"], headers=headers)) for _ in range(100)]
        await until(lambda: waits(farm) == 100 and looks >= 100)
        before = looks
        await farm.render(other["id"], frames=9)
        await farm.http.post(f"/v1/jobs/{job['id']}/cancel")
        assert {answer.json()["state"] for answer in await asyncio.gather(*tasks)} == {"canceled"}
        assert looks <= before + 300  # at most one for each event of its cancel; the other job's would be more


class TestPlaces:
    @pytest.fixture
    def api_settings(self, api_settings: ApiSettings) -> ApiSettings:
        return api_settings.model_copy(update={"max_waits": 1, "max_waits_per_project": 1})

    async def test_who_finds_no_place_to_wait_is_answered_at_once_and_not_refused(self, farm: ApiFarm) -> None:
        waiting = await submit_and_wait(farm, "wait=30")
        second = await farm.http.post("/v1/jobs", json=await farm.spec(), headers={"Prefer": "wait=30"})
        assert (second.status_code, second.headers.get("preference-applied")) == (202, None)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


class TestCeiling:
    @pytest.fixture
    def api_settings(self, api_settings: ApiSettings) -> ApiSettings:
        return api_settings.model_copy(update={"max_prefer_wait": timedelta(seconds=1)})

    async def test_a_longer_wish_is_cut_and_the_answer_tells_what_was_granted(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(), headers={"Prefer": "wait=86400"})
        assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")
