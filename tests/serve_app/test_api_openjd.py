"""`POST /v1/jobs:import-openjd`: a template becomes a job like any other, or a problem that names what does not fit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from jobs.openjd import ImportedJob, import_template
from serve_app.openjd import service
from tests.jobs.openjd_templates import RENDER, action_of, render, text_of, with_film
from tests.serve_app.farm import ApiFarm, bearer, problem_of, until

IMPORT = "/v1/jobs:import-openjd"


async def send(farm: ApiFarm, template: str = RENDER, *, headers: Any = None, **body: Any) -> httpx.Response:
    model = body.pop("model", None) or await farm.model(kind="blender")
    return await farm.http.post(IMPORT, json={"template": template, "model": model, **body}, headers=headers)


async def test_a_template_becomes_a_job_that_is_queued(farm: ApiFarm) -> None:
    answer = await send(
        farm,
        with_film(),
        parameters={"Title": "night", "Frames": "1-5", "Quality": 3},
        settings={"samples": 16},
        tags=["review"],
        priority="batch",
    )
    assert answer.status_code == 202, answer.text
    job = (await farm.http.get(answer.headers["Location"])).json()
    assert (job["name"], job["pipeline"], job["frames"], job["counts"]["total"]) == ("night", "cycles", "1-5", 5)
    assert (job["tags"], job["priority"]) == (["review"], "batch")
    assert job["spec"]["settings"] == {"format": "exr", "samples": 16}
    assert job["spec"]["limits"]["frame_timeout_s"] == 600
    assert job["spec"]["outputs"]["naming"] == "shot_{frame:04d}"
    assert job["spec"]["outputs"]["video"] == {"fps": 24, "preview": "webm", "codec": "h264", "audio": "none"}


async def test_a_template_without_a_film_makes_none(farm: ApiFarm) -> None:
    assert (await send(farm)).json()["spec"]["outputs"]["video"] is None


async def test_the_same_import_with_one_key_is_one_job(farm: ApiFarm) -> None:
    model = await farm.model(kind="blender")
    first, second = [await send(farm, model=model, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    assert len((await farm.http.get("/v1/jobs")).json()["items"]) == 1


async def test_what_is_not_imported_is_a_problem_with_each_place_and_leaves_no_job(farm: ApiFarm) -> None:
    template = render()
    action_of(template)["args"][2:2] = ["-P", "evil.py"]
    problem = problem_of(await send(farm, text_of(template)), 422, "openjd-unsupported")
    assert [each["pointer"] for each in problem["unsupported"]] == ["/steps/0/script/actions/onRun/args/2"]
    assert (await farm.http.get("/v1/jobs")).json()["items"] == []


async def test_a_template_that_is_none_and_values_that_do_not_fit_are_a_problem(farm: ApiFarm) -> None:
    assert problem_of(await send(farm, "a: &a [*a]"), 422, "openjd-invalid")["field"] == "template"
    wrong = await send(farm, parameters={"Quality": 4})
    assert problem_of(wrong, 422, "openjd-invalid")["field"] == "parameters"


async def test_a_setting_that_the_command_line_names_too_is_refused(farm: ApiFarm) -> None:
    problem = problem_of(await send(farm, settings={"format": "png"}), 422, "invalid-input")
    assert (problem["field"], "format" in problem["detail"]) == ("settings", True)


async def test_a_name_or_timeout_that_no_job_has_is_refused(farm: ApiFarm) -> None:
    assert "name" in problem_of(await send(farm, parameters={"Title": " "}), 422, "invalid-input")["detail"]
    template = render()
    action_of(template)["timeout"] = 10**9
    assert "frame_timeout_s" in problem_of(await send(farm, text_of(template)), 422, "invalid-input")["detail"]


async def test_it_is_checked_against_its_pipeline_and_model_like_any_job(farm: ApiFarm) -> None:
    assert (await send(farm, settings={"bounces": 3})).status_code == 422
    assert (await send(farm, model=await farm.model(kind="fake"))).status_code == 422


async def test_a_model_of_another_project_is_not_found(farm: ApiFarm) -> None:
    mine = await farm.model(kind="blender")
    stranger = bearer(await farm.new_key("other"))
    problem_of(await send(farm, model=mine, headers=stranger), 404, "not-found")


async def test_names_of_pictures_may_be_given_in_the_place_of_the_templates(farm: ApiFarm) -> None:
    job = (await send(farm, naming="{job}/{frame:04d}")).json()
    assert job["spec"]["outputs"]["naming"] == "{job}/{frame:04d}"
    wrong = problem_of(await send(farm, naming="{artist}/{frame:04d}"), 422, "invalid-input")
    assert wrong["field"].endswith("outputs.naming")


class TestManyAtOnce:
    @pytest.fixture
    def held(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], threading.Event]]:
        """What is being read, and what lets it go on."""
        begun: list[str] = []
        go_on = threading.Event()

        def read_slowly(template: str, parameters: Mapping[str, Any]) -> ImportedJob:
            begun.append(template)
            assert go_on.wait(60)
            return import_template(template, parameters)

        monkeypatch.setattr(service, "import_template", read_slowly)
        yield begun, go_on
        go_on.set()

    async def test_a_template_that_is_read_for_long_holds_no_connection(
        self, farm: ApiFarm, held: tuple[list[str], threading.Event]
    ) -> None:
        begun, go_on = held
        services = farm.app.state.services
        model = await farm.model(kind="blender")
        async with asyncio.TaskGroup() as group:
            sent = [group.create_task(send(farm, model=model)) for _ in range(3)]
            await until(
                lambda: len(begun) == services.settings.body_threads and services.imports.taken(farm.project_id) == 3
            )
            async with farm.db.transaction() as tx:
                query = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
                open_meanwhile = (await tx.execute(text(query))).scalar_one()
            go_on.set()
        assert open_meanwhile == 0
        assert {task.result().status_code for task in sent} == {202}

    async def test_those_of_one_project_have_so_many_places(self, farm: ApiFarm) -> None:
        places, most = farm.app.state.services.imports, farm.app.state.services.settings.max_imports_per_project
        other = bearer(await farm.new_key("other"))
        with ExitStack() as stack:
            for _ in range(most):
                stack.enter_context(places.take(farm.project_id))
            problem_of(await send(farm), 429, "too-many-at-once")
            problem_of(await send(farm, "a: 1", headers=other, model=str(uuid4())), 422, "openjd-invalid")
        assert (await send(farm)).status_code == 202
