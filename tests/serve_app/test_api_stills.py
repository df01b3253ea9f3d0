"""Interactive stills: a job of one frame that is answered with its picture."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from serve_app.jobs.stills import Accepted, read_accept
from serve_app.problems import NotAcceptable
from serve_app.settings import ApiSettings
from tests.serve_app.farm import ApiFarm, digest_of, problem_of, until

PNG = {"Accept": "image/png"}


async def ask(farm: ApiFarm, headers: dict[str, str] | None = None, **overrides: Any) -> asyncio.Task[httpx.Response]:
    """A still that is being waited for."""
    spec = await farm.spec(**{"frames": "7", **overrides})
    task = asyncio.create_task(farm.http.post("/v1/jobs", json=spec, headers={**PNG, **(headers or {})}))
    await until(lambda: farm.app.state.services.hub.streams == 1 or task.done())
    return task


async def only_job(farm: ApiFarm) -> Any:
    [job] = (await farm.http.get("/v1/jobs")).json()["items"]
    return job


def picture_of(job_id: str) -> bytes:
    """What the farm of these tests renders."""
    return b"picture 7 of %s" % UUID(job_id).hex.encode()


class TestAccept:
    @pytest.mark.parametrize(
        ("header", "pictures", "description"),
        [
            (None, (), True),
            ("*/*", (), True),
            ("application/json", (), True),
            ("image/png", ("image/png",), False),
            ("IMAGE/PNG;Q=1.0", ("image/png",), False),
            ("image/jpeg;q=0.5, image/png", ("image/png", "image/jpeg"), False),
            ("image/exr", ("image/x-exr",), False),
            ("application/json, image/png", (), True),
            ("image/png, application/json", ("image/png",), True),
            ("image/png, */*;q=0.1", ("image/png",), True),
            ("image/*", ("image/png", "image/jpeg", "image/webp", "image/x-exr"), False),
            ("image/*, image/png;q=0", ("image/jpeg", "image/webp", "image/x-exr"), False),
            ("image/gif, */*", (), True),
        ],
    )
    def test_it_is_read_as_the_rfc_weighs_it(
        self, header: str | None, pictures: tuple[str, ...], description: bool
    ) -> None:
        assert read_accept(header) == Accepted(pictures=pictures, description=description)

    @pytest.mark.parametrize(
        "header", ["image/gif", "text/html", "application/json;q=0", "image/png;q=high", "nonsense"]
    )
    def test_what_the_farm_cannot_answer_with_is_refused(self, header: str) -> None:
        with pytest.raises(NotAcceptable):
            read_accept(header)


class TestAnswer:
    async def test_it_leads_to_the_picture_as_soon_as_that_is_there(self, farm: ApiFarm) -> None:
        waiting = await ask(farm)
        job = await only_job(farm)
        assert job["priority"] == "interactive"
        await farm.render(job["id"], frames=1)
        answer = await waiting
        assert answer.status_code == 303
        assert answer.headers["link"] == f'</v1/jobs/{job["id"]}>; rel="describedby"'
        picture = await farm.http.get(answer.headers["location"], headers={"Authorization": ""})
        assert picture.content == picture_of(job["id"])
        assert picture.headers["content-type"] == "image/png"

    async def test_the_bytes_come_in_the_answer_where_that_is_preferred(self, farm: ApiFarm) -> None:
        waiting = await ask(farm, {"Prefer": "return=representation, wait=20"})
        job = await only_job(farm)
        await farm.render(job["id"], frames=1)
        answer = await waiting
        assert (answer.status_code, answer.content) == (200, picture_of(job["id"]))
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["etag"] == f'"{digest_of(answer.content)}"'
        assert answer.headers["preference-applied"] == "wait=20, return=representation"
        await farm.app.state.services.sent_bytes.book()
        assert await farm.count(f"storage_meter where bytes_sent = {len(answer.content)}") == 1

    async def test_a_repeated_request_with_one_key_has_the_same_picture(self, farm: ApiFarm) -> None:
        spec = await farm.spec(frames="7")
        headers = {**PNG, "Idempotency-Key": "still", "Prefer": "return=representation"}
        first = asyncio.create_task(farm.http.post("/v1/jobs", json=spec, headers=headers))
        await until(lambda: farm.app.state.services.hub.streams == 1)
        job = await only_job(farm)
        await farm.render(job["id"], frames=1)
        again = await farm.http.post("/v1/jobs", json=spec, headers=headers)
        assert (await first).content == again.content == picture_of(job["id"])
        assert await farm.count("job") == 1

    async def test_one_that_takes_longer_is_a_job_as_usual(self, farm: ApiFarm) -> None:
        answer = await (await ask(farm, {"Prefer": "wait=1"}))
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert answer.headers["location"] == answer.json()["links"]["self"]
        assert answer.headers["preference-applied"] == "wait=1"

    async def test_respond_async_waits_for_no_picture(self, farm: ApiFarm) -> None:
        answer = await (await ask(farm, {"Prefer": "respond-async"}))
        assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
        assert answer.json()["priority"] == "interactive"

    async def test_a_class_that_the_job_names_stays(self, farm: ApiFarm) -> None:
        answer = await (await ask(farm, {"Prefer": "respond-async"}, priority="batch"))
        assert answer.json()["priority"] == "batch"

    async def test_a_frame_that_failed_is_a_problem_with_the_reason(self, farm: ApiFarm) -> None:
        waiting = await ask(farm, limits={"tries": 1})
        job = await only_job(farm)
        await farm.start(job["id"])
        replica, chunk = await farm.claim(job["id"], frames=1)
        await farm.fail(replica, chunk, 0)
        problem = problem_of(await waiting, 422, "render-failed")
        assert "No such material." in problem["detail"]
        assert (problem["job"], problem["frame"], problem["end_reason"]) == (job["id"], 7, "engine_error")

    async def test_a_cancel_ends_the_wait_with_a_problem(self, farm: ApiFarm) -> None:
        waiting = await ask(farm)
        job = await only_job(farm)
        await farm.http.post(job["links"]["cancel"])
        assert problem_of(await waiting, 422, "render-failed")["end_reason"] == "user_cancel"


class TestNotAcceptable:
    async def test_several_frames_are_no_picture(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(frames="1-2"), headers=PNG)
        assert "this job has 2" in problem_of(answer, 406, "not-acceptable")["detail"]
        assert await farm.count("job") == 0

    async def test_several_frames_are_a_job_where_json_will_do_too(self, farm: ApiFarm) -> None:
        headers = {"Accept": "image/png, application/json;q=0.5"}
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(frames="1-2"), headers=headers)
        assert (answer.status_code, answer.json()["priority"]) == (202, "normal")

    async def test_a_pipeline_that_makes_no_such_file_says_which_it_makes(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(frames="1"), headers={"Accept": "image/jpeg"})
        assert problem_of(answer, 406, "not-acceptable")["acceptable"] == ["image/png"]
        assert await farm.count("job") == 0

    async def test_the_format_that_is_accepted_is_rendered_where_the_settings_leave_it_open(
        self, farm: ApiFarm
    ) -> None:
        model = await farm.model(kind="blender")
        spec = {"model": model, "frames": "1", "outputs": {"video": None}}
        headers = {"Accept": "image/jpeg", "Prefer": "respond-async"}
        answer = await farm.http.post("/v1/jobs", json=spec, headers=headers)
        assert answer.status_code == 202, answer.text
        assert answer.json()["spec"]["settings"] == {"format": "jpeg"}
        named = await farm.http.post("/v1/jobs", json={**spec, "settings": {"format": "exr"}}, headers=headers)
        assert problem_of(named, 406, "not-acceptable")["acceptable"] == ["image/x-exr"]


class TestSetting:
    @pytest.fixture
    def api_settings(self, api_settings: ApiSettings) -> ApiSettings:
        return api_settings.model_copy(update={"still_answer": "bytes"})

    async def test_bytes_may_be_the_rule_and_the_link_the_preference(self, farm: ApiFarm) -> None:
        spec, headers = await farm.spec(frames="7"), {**PNG, "Idempotency-Key": "one"}
        first = asyncio.create_task(farm.http.post("/v1/jobs", json=spec, headers=headers))
        await until(lambda: farm.app.state.services.hub.streams == 1)
        await farm.render((await only_job(farm))["id"], frames=1)
        assert (await first).status_code == 200
        link = await farm.http.post("/v1/jobs", json=spec, headers={**headers, "Prefer": "return=minimal"})
        assert (link.status_code, link.headers["preference-applied"]) == (303, "return=minimal")
