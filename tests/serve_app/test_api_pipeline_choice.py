"""A job that names no pipeline gets the one that takes its model's kind, and is stored with its name."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from models.kinds import ModelKind
from pipelines.registry import pipelines_of_kind
from tests.serve_app.farm import ApiFarm, problem_of

SCENES: list[tuple[str, str, dict[str, Any]]] = [
    ("blender", "cycles", {"samples": 4}),
    ("gltf", "cycles", {"samples": 4}),
    ("mitsuba", "mitsuba", {"spp": 4}),
    ("splats", "splats", {"sh_degree": 1}),
    ("diffusion", "diffusion", {"prompt": "a lighthouse"}),
]


def body_of(model: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "frames": "1-4", "settings": settings}


@pytest.mark.parametrize(("kind", "pipeline", "settings"), SCENES, ids=[kind for kind, *_ in SCENES])
async def test_a_job_without_a_pipeline_is_rendered_by_that_of_its_models_kind(
    farm: ApiFarm, kind: str, pipeline: str, settings: dict[str, Any]
) -> None:
    body = body_of(await farm.model(kind=kind), settings)
    estimated = await farm.http.post("/v1/jobs/estimate", json=body)
    assert estimated.status_code == 200, estimated.text
    answer = await farm.http.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["pipeline"], job["spec"]["pipeline"]) == (pipeline, pipeline)
    cloned = await farm.http.post(f"/v1/jobs/{job['id']}/clone", json={"frames": "1"})
    assert cloned.json()["pipeline"] == pipeline


async def test_a_repeated_request_is_the_same_job_whether_or_not_it_names_the_pipeline(farm: ApiFarm) -> None:
    body = body_of(await farm.model(kind="mitsuba"), {"spp": 4})
    key = {"Idempotency-Key": "once"}
    first, again, named = [
        (await farm.http.post("/v1/jobs", json=each, headers=key)).json()["id"]
        for each in (body, body, {**body, "pipeline": "mitsuba"})
    ]
    assert first == again == named


async def test_a_pipeline_that_does_not_take_the_model_is_refused_with_the_name_of_the_one_that_does(
    farm: ApiFarm,
) -> None:
    body = {**body_of(await farm.model(kind="mitsuba"), {}), "pipeline": "cycles"}
    problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
    assert problem["field"] == "pipeline"
    assert "A model of kind mitsuba is for mitsuba" in problem["remedy"]


def test_the_reference_says_that_the_pipeline_follows_from_the_model(app: FastAPI) -> None:
    pipeline = app.openapi()["components"]["schemas"]["JobSpec"]["properties"]["pipeline"]
    assert "the model's kind" in pipeline["description"]
    assert "default" not in pipeline


@pytest.mark.parametrize("kind", ModelKind)
def test_each_kind_is_taken_by_the_pipeline_that_it_goes_to(kind: ModelKind) -> None:
    assert kind.pipeline in pipelines_of_kind(kind)
