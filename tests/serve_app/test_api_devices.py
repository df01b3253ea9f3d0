"""A job that needs a GPU asks for a worker with one, whoever submits it, and a clone that needs none does not."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.spec import MAX_LABELS
from tests.serve_app.farm import ApiFarm, problem_of

PROBE = {"cameras": ["Camera"], "active_camera": "Camera", "view_layers": ["ViewLayer"], "fps": 24.0}


async def scene_spec(farm: ApiFarm, **fields: Any) -> dict[str, Any]:
    model = await farm.model(kind="blender", probe=PROBE)
    return await farm.spec(model=model, pipeline="cycles", **fields)


class TestLabels:
    async def test_a_job_that_needs_a_gpu_is_kept_with_the_label_of_workers_that_have_one(self, farm: ApiFarm) -> None:
        spec = await scene_spec(farm, settings={"device": "gpu"}, labels={"rack": "3"})
        job = (await farm.http.post("/v1/jobs", json=spec)).json()
        assert job["spec"]["labels"] == {"rack": "3", "device": "gpu"}

    async def test_a_job_that_takes_what_there_is_asks_for_no_device(self, farm: ApiFarm) -> None:
        job = (await farm.http.post("/v1/jobs", json=await scene_spec(farm))).json()
        assert job["spec"]["labels"] == {}

    async def test_a_label_that_contradicts_the_settings_is_refused(self, farm: ApiFarm) -> None:
        spec = await scene_spec(farm, settings={"device": "optix"}, labels={"device": "cpu"})
        problem = problem_of(await farm.http.post("/v1/jobs", json=spec), 422, "invalid-input")
        assert problem["field"] == "labels.device"
        assert "device=cpu" in problem["detail"]

    @pytest.mark.parametrize(("own", "status"), [(MAX_LABELS - 1, 202), (MAX_LABELS, 422)])
    async def test_the_label_of_the_settings_counts_like_those_of_the_job(
        self, farm: ApiFarm, own: int, status: int
    ) -> None:
        labels = {f"shelf{number}": "a" for number in range(own)}
        spec = await scene_spec(farm, settings={"device": "gpu"}, labels=labels)
        answer = await farm.http.post("/v1/jobs", json=spec)
        assert answer.status_code == status
        if status == 422:
            assert problem_of(answer, 422, "invalid-input")["field"] == "labels"
        else:
            assert len((await farm.http.get(answer.headers["location"])).json()["spec"]["labels"]) == MAX_LABELS


class TestClones:
    async def test_a_clone_that_needs_no_gpu_asks_for_none(self, farm: ApiFarm) -> None:
        spec = await scene_spec(farm, settings={"device": "gpu", "samples": 4}, labels={"rack": "3"})
        job = (await farm.http.post("/v1/jobs", json=spec)).json()
        same = (await farm.http.post(f"/v1/jobs/{job['id']}/clone", json={})).json()
        assert same["spec"] == job["spec"]
        for settings in ({"device": "cpu"}, {"device": None}):
            clone = (await farm.http.post(f"/v1/jobs/{job['id']}/clone", json={"settings": settings})).json()
            assert clone["spec"]["labels"] == {"rack": "3"}

    async def test_a_clone_that_needs_a_gpu_asks_for_one(self, farm: ApiFarm) -> None:
        job = (await farm.http.post("/v1/jobs", json=await scene_spec(farm))).json()
        clone = await farm.http.post(f"/v1/jobs/{job['id']}/clone", json={"settings": {"device": "cuda"}})
        assert clone.json()["spec"]["labels"] == {"device": "gpu"}

    async def test_a_label_that_a_person_asked_for_stays(self, farm: ApiFarm) -> None:
        job = (await farm.http.post("/v1/jobs", json=await scene_spec(farm, labels={"device": "gpu"}))).json()
        clone = await farm.http.post(f"/v1/jobs/{job['id']}/clone", json={"settings": {"samples": 8}})
        assert clone.json()["spec"]["labels"] == {"device": "gpu"}


class TestWords:
    async def test_a_job_without_a_worker_that_has_its_pipeline_says_how_to_install_it(self, farm: ApiFarm) -> None:
        await farm.replica(labels={"device": "cpu"})
        job = (await farm.http.post("/v1/jobs", json=await scene_spec(farm))).json()
        assert "No worker has the pipeline cycles: install it" in await self._words(farm, job)

    async def test_a_job_without_a_worker_that_has_a_gpu_says_so(self, farm: ApiFarm) -> None:
        await farm.replica(labels={"device": "cpu"}, engines={"cycles": "bpy 5.0.1"})
        spec = await scene_spec(farm, settings={"device": "gpu"})
        job = (await farm.http.post("/v1/jobs", json=spec)).json()
        assert "No worker has a GPU" in await self._words(farm, job)

    async def test_a_worker_that_takes_no_work_does_not_count(self, farm: ApiFarm) -> None:
        await farm.replica(labels={"device": "cpu"}, engines={"cycles": "bpy 5.0.1"})
        away = await farm.replica(labels={"device": "gpu"}, engines={"cycles": "bpy 5.0.1"})
        await farm.http.post(f"/v1/replicas/{away}/disable", json={})
        spec = await scene_spec(farm, settings={"device": "gpu"})
        job = (await farm.http.post("/v1/jobs", json=spec)).json()
        assert "No worker has a GPU" in await self._words(farm, job)

    async def test_a_dry_run_says_before_the_submit_that_no_worker_has_a_gpu(self, farm: ApiFarm) -> None:
        await farm.replica(labels={"device": "cpu"}, engines={"cycles": "bpy 5.0.1"})
        spec = await scene_spec(farm, settings={"device": "gpu"})
        found = (await farm.http.post("/v1/jobs/estimate", json=spec)).json()
        assert (found["replicas"], found["expected_seconds"]) == (0, None)
        assert "No worker has a GPU" in found["unknown"]["expected_seconds"]
        found = (await farm.http.post("/v1/jobs/estimate", json={**spec, "settings": {}})).json()
        assert found["replicas"] == 1

    @staticmethod
    async def _words(farm: ApiFarm, job: Any) -> str:
        """As the planner would have it."""
        await farm.execute("update job set wait_reason = 'no_replica_fits'")
        return str((await farm.http.get(job["links"]["self"])).json()["wait"]["words"])
