"""What an administrator sets for all: counted licences, and the shares of projects."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db.dispatch import read_snapshot
from jobs.plan import make_plan
from jobs.planning import PlanSettings, Snapshot, WaitReason
from tests.serve_app.farm import CLUSTER, ApiFarm, problem_of
from tests.serve_app.test_api_access import bearer


async def snapshot(farm: ApiFarm) -> Snapshot:
    return await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=timedelta(seconds=60))


class TestLicences:
    async def test_the_planner_counts_what_an_administrator_set(self, farm: ApiFarm) -> None:
        answer = await farm.http.put("/v1/licences/nuke", json={"capacity": 0})
        assert (answer.status_code, answer.json()) == (200, {"name": "nuke", "capacity": 0})
        job = await farm.submit(licences={"nuke": 1})
        await farm.start(job["id"])
        await farm.replica()
        plan = make_plan(await snapshot(farm), PlanSettings())
        assert (plan.placements, list(plan.waits.values())) == ((), [WaitReason.LICENCE])
        await farm.http.put("/v1/licences/nuke", json={"capacity": 1})
        listed = (await farm.http.get("/v1/licences")).json()["items"]
        assert listed == [{"name": "nuke", "capacity": 1}]
        assert len(make_plan(await snapshot(farm), PlanSettings()).placements) == 1

    async def test_a_job_that_asks_for_one_that_is_not_there_is_refused_with_those_that_are(
        self, farm: ApiFarm
    ) -> None:
        await farm.http.put("/v1/licences/nuke", json={"capacity": 3})
        spec = await farm.spec(licences={"nuke": 1, "nuk": 1})
        for path in ("/v1/jobs", "/v1/jobs/estimate"):
            problem = problem_of(await farm.http.post(path, json=spec), 422, "invalid-input")
            assert (problem["field"], problem["unknown"]) == ("licences", ["nuk"])
            assert "It has: nuke." in problem["remedy"]
            assert "PUT /v1/licences/{name}" in problem["remedy"]
        assert await farm.count("job") == 0

    async def test_one_that_is_dropped_is_gone_once(self, farm: ApiFarm) -> None:
        await farm.http.put("/v1/licences/nuke", json={"capacity": 3})
        assert (await farm.http.delete("/v1/licences/nuke")).status_code == 204
        assert (await farm.http.get("/v1/licences")).json()["items"] == []
        problem_of(await farm.http.delete("/v1/licences/nuke"), 404, "not-found")

    @pytest.mark.parametrize(
        ("name", "body"), [("nuke", {"capacity": -1}), ("nuke", {}), ("Nuke", {"capacity": 1}), ("nuke", {"seats": 1})]
    )
    async def test_odd_ones_are_refused(self, farm: ApiFarm, name: str, body: dict[str, int]) -> None:
        problem_of(await farm.http.put(f"/v1/licences/{name}", json=body), 422, "invalid-input")

    async def test_a_project_may_look_and_not_set(self, farm: ApiFarm) -> None:
        member = bearer(await farm.new_key("studio"))
        assert (await farm.http.get("/v1/licences", headers=member)).json()["items"] == []
        for method in ("PUT", "DELETE"):
            body = {"capacity": 1} if method == "PUT" else None
            answer = await farm.http.request(method, "/v1/licences/nuke", headers=member, json=body)
            problem_of(answer, 403, "forbidden")


class TestProjects:
    async def test_the_planner_sees_the_share_that_an_administrator_set(self, farm: ApiFarm) -> None:
        await farm.new_key("studio")
        answer = await farm.http.patch("/v1/projects/studio", json={"weight": 300})
        assert (answer.json()["slug"], answer.json()["weight"]) == ("studio", 300)
        listed = (await farm.http.get("/v1/projects")).json()["items"]
        assert [(row["slug"], row["weight"]) for row in listed] == [("default", 100), ("studio", 300)]
        await farm.submit()
        await farm.http.patch("/v1/projects/default", json={"weight": 40})
        assert [(view.id, view.weight) for view in (await snapshot(farm)).projects if view.id == farm.project_id] == [
            (farm.project_id, 40)
        ]

    async def test_a_share_of_nothing_or_of_nobody_is_refused(self, farm: ApiFarm) -> None:
        answer = await farm.http.patch("/v1/projects/default", json={"weight": 0})
        assert problem_of(answer, 422, "invalid-input")["field"] == "weight"
        problem_of(await farm.http.patch("/v1/projects/nobody", json={"weight": 1}), 404, "not-found")

    async def test_a_project_neither_sees_the_others_nor_sets_its_share(self, farm: ApiFarm) -> None:
        member = bearer(await farm.new_key("studio"))
        listed = (await farm.http.get("/v1/projects", headers=member)).json()["items"]
        assert [project["slug"] for project in listed] == ["studio"]
        answer = await farm.http.patch("/v1/projects/studio", headers=member, json={"weight": 1000})
        problem_of(answer, 403, "forbidden")
