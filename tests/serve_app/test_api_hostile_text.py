"""Text and times that no database holds: refused in words by every route that takes some, and never a server error."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from serve_app.settings import ApiSettings
from tests.serve_app.farm import ApiFarm, problem_of

BEYOND = "9999-12-31T23:59:59-14:00"
"""In UTC it lies in the year 10000, which Python cannot express."""


async def send(farm: ApiFarm, method: str, path: str, body: str) -> httpx.Response:
    """The body as text: JSON writes half a pair as an escape."""
    return await farm.http.request(method, path, content=body, headers={"Content-Type": "application/json"})


class TestDeadlines:
    @pytest.mark.parametrize("field", ["start_before", "finish_before"])
    @pytest.mark.parametrize("moment", [BEYOND, "9000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
    async def test_a_deadline_out_of_the_calendar_is_refused(self, farm: ApiFarm, field: str, moment: str) -> None:
        job = await farm.submit()
        root = job["links"]["self"]
        spec = await farm.spec(**{field: moment})
        for method, path, body in (
            ("POST", "/v1/jobs", spec),
            ("POST", "/v1/jobs/estimate", spec),
            ("PATCH", root, {field: moment}),
            ("POST", f"{root}/clone", {field: moment}),
        ):
            problem = problem_of(await farm.http.request(method, path, json=body), 422, "invalid-input")
            assert [error["field"] for error in problem["errors"]] == [field], path
            assert "null for no deadline" in problem["detail"]

    async def test_a_deadline_of_another_zone_is_one_moment(self, farm: ApiFarm) -> None:
        job = await farm.submit(finish_before="8999-12-31T12:00:00-11:00")
        assert job["finish_before"] == "8999-12-31T23:00:00Z"
        assert job["spec"]["finish_before"] == "8999-12-31T23:00:00Z"


class TestHalvesOfPairs:
    @pytest.mark.parametrize(
        "part",
        [
            r'{"labels": {"\ud800": ">=x"}}',
            r'{"labels": {"gpu": ">=\ud800"}}',
            r'{"labels": {"\ud800": 5}}',
            r'{"labels": {"\ud800": "l4"}}',
            r'{"\ud800": 1}',
            r'{"settings": {"\ud800": 1}}',
            r'{"name": "\ud800"}',
            r'{"frames": "\ud800"}',
            r'{"pipeline": "\ud800"}',
            r'{"licences": {"\ud800": 1}}',
        ],
    )
    async def test_they_are_refused_wherever_a_job_has_text(self, farm: ApiFarm, part: str) -> None:
        job = await farm.submit()
        spec = await farm.spec()
        whole = f"{{{part[1:-1]}, " + ", ".join(
            f'"{name}": {_json(value)}' for name, value in spec.items() if f'"{name}"' not in part
        )
        for path, body in (
            ("/v1/jobs", whole + "}"),
            ("/v1/jobs/estimate", whole + "}"),
            (f"{job['links']['self']}/clone", part),
        ):
            problem_of(await send(farm, "POST", path, body), 422, "invalid-input")
        assert await farm.count("job") == 1


class TestWorkers:
    @pytest.mark.parametrize("verb", ["drain", "disable", "enable"])
    @pytest.mark.parametrize("name", ["%00", "n1%00", "n1%0A", "n1%E2%80%AE"])
    async def test_a_machine_has_no_such_name(self, farm: ApiFarm, verb: str, name: str) -> None:
        problem_of(await farm.http.post(f"/v1/nodes/{name}/{verb}"), 422, "invalid-input")

    @pytest.mark.parametrize("mark", [r"\u0000", r"\ud800", r"\n", r"\u001b", r"\u202e", r"\u2066"])
    async def test_a_reason_is_one_line_that_a_terminal_may_show(self, farm: ApiFarm, mark: str) -> None:
        replica_id = await farm.replica()
        [seen] = (await farm.http.get("/v1/replicas")).json()["items"]
        body = f'{{"reason": "new {mark} card"}}'
        for path in (f"replicas/{replica_id}/drain", f"nodes/{seen['node']}/drain", f"nodes/{seen['node']}/disable"):
            problem = problem_of(await send(farm, "POST", f"/v1/{path}", body), 422, "invalid-input")
            assert "control characters" in problem["detail"]
        [after] = (await farm.http.get("/v1/replicas")).json()["items"]
        assert (after["disabled"], after["draining"]) == (False, False)

    async def test_a_reason_in_any_script_is_taken(self, farm: ApiFarm) -> None:
        await farm.replica()
        [seen] = (await farm.http.get("/v1/replicas")).json()["items"]
        answer = await farm.http.post(f"/v1/nodes/{seen['node']}/disable", json={"reason": "Lüfter läuft nicht 🎬"})
        assert answer.json()[0]["reason"] == "Lüfter läuft nicht 🎬"

    async def test_a_blocklist_has_no_such_machine(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        for name in ("%00", "%1B"):
            answer = await farm.http.delete(f"{job['links']['self']}/blocklist/{name}")
            problem_of(answer, 422, "invalid-input")
        problem_of(await farm.http.delete(f"{job['links']['self']}/blocklist/n1"), 404, "not-found")


async def test_settings_too_long_for_a_job_are_too_long_for_a_check(farm: ApiFarm, api_settings: ApiSettings) -> None:
    frames = range(1_000_000, 1_000_000 + int(api_settings.max_spec_bytes) // 7)
    long: dict[str, Any] = {"settings": {"fail_frames": list(frames)}}
    for path, body in (("/v1/pipelines/fake/check", long), ("/v1/jobs", await farm.spec(**long))):
        answer = await farm.http.post(path, json=body)
        assert problem_of(answer, 413, "too-large")["limit_bytes"] == api_settings.max_spec_bytes


def _json(value: object) -> str:
    return httpx.Request("POST", "http://x", json=value).content.decode()
