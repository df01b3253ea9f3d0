"""The OpenAPI document is valid and tells the truth; the pages for people ask nothing of a third party."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from fastapi import FastAPI

from jobs.spec import JobSpec
from serve_app.docs import assets
from tests.serve_app.farm import ApiFarm, problem_of
from tests.serve_app.routes import OPEN

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield path, method, operation


class TestDocument:
    def test_every_reference_leads_somewhere(self, app: FastAPI) -> None:
        document = app.openapi()
        for reference in re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(document)):
            assert reference in document["components"]["schemas"]

    def test_every_schema_is_a_json_schema(self, app: FastAPI) -> None:
        for schema in app.openapi()["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)

    def test_every_operation_behind_a_key_documents_its_problems(self, app: FastAPI) -> None:
        document = app.openapi()
        seen = 0
        for path, method, operation in operations(document):
            answers = operation["responses"]
            for status, answer in answers.items():
                if int(status) >= 400:
                    shared = document["components"]["responses"]
                    answer = shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
                    schema = answer["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}, (path, method, status)
            if path.startswith(OPEN):
                continue
            seen += 1
            assert {"401", "403", "404", "422", "500", "503"} <= set(answers), (path, method)
            assert operation["security"] == [{"apiKey": []}], (path, method)
        assert seen > 15

    def test_operations_have_names_of_their_own(self, app: FastAPI) -> None:
        names = [operation["operationId"] for _, _, operation in operations(app.openapi())]
        assert len(names) == len(set(names))
        assert {"submit_job", "upload_blob", "register_model", "follow_job"} <= set(names)

    def test_every_operation_says_what_it_does(self, app: FastAPI) -> None:
        for path, method, operation in operations(app.openapi()):
            assert operation.get("description"), (path, method)

    def test_the_examples_of_a_job_are_jobs(self, app: FastAPI) -> None:
        body = app.openapi()["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
        assert body["examples"]
        for example in body["examples"].values():
            JobSpec.model_validate(example["value"])

    def test_what_makes_a_thing_links_to_the_operations_that_take_its_id(self, app: FastAPI) -> None:
        paths = app.openapi()["paths"]
        links = paths["/v1/jobs"]["post"]["responses"]["202"]["links"]
        assert links["cancel_job"] == {"operationId": "cancel_job", "parameters": {"job_id": "$response.body#/id"}}
        assert {"read_job", "list_frames", "follow_job"} <= set(links)
        steps = paths["/v1/jobs/{job_id}/steps"]["post"]["responses"]["202"]["links"]
        assert steps["read_job_step"]["parameters"] == {
            "job_id": "$request.path.job_id",
            "step_id": "$response.body#/id",
        }
        projects = paths["/v1/projects"]["post"]["responses"]["201"]["links"]
        assert projects["list_members"]["parameters"] == {"slug": "$response.body#/slug"}

    def test_every_link_names_an_operation_and_the_parameters_that_it_has(self, app: FastAPI) -> None:
        document = app.openapi()
        takes = {
            operation["operationId"]: set(re.findall(r"{(\w+)}", path)) for path, _, operation in operations(document)
        }
        links = [
            link
            for _, _, operation in operations(document)
            for answer in operation["responses"].values()
            for link in answer.get("links", {}).values()
        ]
        assert links
        for link in links:
            assert set(link["parameters"]) == takes[link["operationId"]], link

    def test_every_body_of_json_may_be_refused_before_a_route_reads_it(self, app: FastAPI) -> None:
        for path, method, operation in operations(app.openapi()):
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                assert {"400", "408", "413", "415"} <= set(operation["responses"]), (path, method)

    def test_the_project_is_named_by_the_path_or_by_a_header_and_never_by_both(self, app: FastAPI) -> None:
        for path, method, operation in operations(app.openapi()):
            header = any(each["name"] == "X-Rayfarm-Project" for each in operation.get("parameters", []))
            assert header == ("{slug}" not in path and not path.startswith(OPEN)), (path, method)

    def test_no_parameter_is_null(self, app: FastAPI) -> None:
        for path, method, operation in operations(app.openapi()):
            for parameter in operation.get("parameters", []):
                assert {"type": "null"} not in parameter["schema"].get("anyOf", []), (path, method)

    def test_a_route_for_anybody_says_so(self, app: FastAPI) -> None:
        for path, method, operation in operations(app.openapi()):
            assert (operation["security"] == []) == path.startswith(OPEN), (path, method)

    def test_the_problem_schema_is_what_problems_look_like(self, app: FastAPI) -> None:
        schema = app.openapi()["components"]["schemas"]["Problem"]
        assert {"type", "title", "status", "detail", "remedy", "instance", "errors"} <= set(schema["properties"])


class TestPipelines:
    async def test_each_pipeline_tells_its_version_and_the_schema_of_its_settings(self, farm: ApiFarm) -> None:
        await farm.replica()
        found = {one["name"]: one for one in (await farm.http.get("/v1/pipelines")).json()["items"]}
        assert {"cycles", "fake"} <= set(found)
        assert found["fake"]["on_replicas"] == ["fake 1"]
        assert found["cycles"]["model_kinds"] == ["blender", "fbx", "gltf", "obj", "usd"]
        schema = found["cycles"]["settings_schema"]
        jsonschema.Draft202012Validator.check_schema(schema)
        assert {"samples", "camera", "format"} <= set(schema["properties"])
        assert (await farm.http.get("/v1/pipelines/cycles")).json() == found["cycles"]
        assert (await farm.http.get("/v1/pipelines/maya")).status_code == 404

    async def test_settings_are_checked_without_a_scene(self, farm: ApiFarm) -> None:
        root = "/v1/pipelines/fake/check"
        good = await farm.http.post(root, json={"settings": {"width": 64}, "split": {"mode": "borders", "parts": 2}})
        assert (good.status_code, good.json()) == (200, {"settings": {"width": 64}, "advice": []})
        for body, field in (
            ({"settings": {"width": -1}}, "settings.width"),
            ({"settings": {"wdith": 64}}, "settings.wdith"),
            ({"split": {"mode": "borders", "parts": 1}}, "split"),
            ({"frames": "1"}, "frames"),
        ):
            assert problem_of(await farm.http.post(root, json=body), 422, "invalid-input")["field"] == field
        problem_of(await farm.http.post("/v1/pipelines/maya/check", json={}), 404, "not-found")

    async def test_a_check_says_what_a_split_pays(self, farm: ApiFarm) -> None:
        split = {"mode": "samples", "parts": 3}
        body = {"settings": {"samples": 7, "adaptive_sampling": False}, "split": split}
        advice = (await farm.http.post("/v1/pipelines/cycles/check", json=body)).json()["advice"]
        assert "The largest part has 3 of 7 samples, so at best 2.33 times." in advice


class TestPages:
    async def test_the_root_points_at_the_reference(self, farm: ApiFarm) -> None:
        assert (await farm.http.get("/")).json()["docs"] == "/docs"
        page = await farm.http.get("/", headers={"Accept": "text/html,*/*"})
        assert page.headers["content-type"].startswith("text/html")
        assert 'href="docs"' in page.text

    async def test_the_reference_loads_everything_from_here(self, farm: ApiFarm) -> None:
        page = (await farm.http.get("/docs")).text
        assert "http" not in page
        assert "<script>" not in page
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
        for address in addresses:
            if not address.startswith("data:"):
                answer = await farm.http.get(f"/{address}", headers={"Authorization": ""})
                assert answer.status_code == 200, address

    @pytest.mark.parametrize("name", ["nothing.js", "..%2Fendpoints.py", "index.html"])
    async def test_no_other_file_is_served(self, farm: ApiFarm, name: str) -> None:
        assert (await farm.http.get(f"/docs/assets/{name}")).status_code == 404

    async def test_without_its_package_the_reference_says_where_the_document_is(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(assets, "ASSETS", {**assets.ASSETS, "swagger-ui.css": assets.Asset("no_such_package", "")})
        assets.read_asset.cache_clear()
        try:
            page = await farm.http.get("/docs")
            assert (page.status_code, "openapi.json" in page.text) == (200, True)
            assert "not installed" in page.text
        finally:
            assets.read_asset.cache_clear()
