"""The queue as an operator sees it: depths, ages, shares, reasons; blocklists over all projects."""

from __future__ import annotations

from typing import Any

from tests.serve_app.audited import failed_on_n1
from tests.serve_app.farm import CLUSTER, ApiFarm, bearer, digest_of


async def queues(farm: ApiFarm) -> Any:
    answer = await farm.http.get("/v1/queues")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_empty_farm_has_empty_queues(farm: ApiFarm) -> None:
    assert await queues(farm) == {"classes": [], "pools": [], "projects": [], "tasks": []}


async def test_classes_count_what_their_jobs_wait_for(farm: ApiFarm) -> None:
    for frames, reason in (("1-4", "no_capacity"), ("1-2", "no_capacity"), ("1", "licence")):
        job = await farm.submit(frames=frames, priority="batch")
        await farm.execute("update job set wait_reason = :why where id = cast(:id as uuid)", why=reason, id=job["id"])
    await farm.submit(priority="interactive", frames="1")
    first, last = (await queues(farm))["classes"]
    assert (first["priority"], first["waiting"], first["waits"]) == ("interactive", 1, [])
    assert (last["priority"], last["waiting"], last["frames"]) == ("batch", 3, 7)
    assert last["oldest_s"] >= 0
    assert [(each["reason"], each["jobs"]) for each in last["waits"]] == [("no_capacity", 2), ("licence", 1)]
    assert "free worker" in last["waits"][0]["words"]


async def test_a_pool_tells_who_takes_work_and_which_classes_its_replicas_hold(farm: ApiFarm) -> None:
    job = await farm.submit(priority="interactive")
    await farm.start(job["id"])
    await farm.claim(job["id"], frames=2)
    disabled, draining = await farm.replica(), await farm.replica()
    await farm.http.post(f"/v1/replicas/{disabled}/disable")
    await farm.http.post(f"/v1/replicas/{draining}/drain")
    await farm.execute("insert into pool (cluster_id, name, desired) values (:c, 'gpu-spot', 3)", c=CLUSTER)
    seen = {pool["name"]: pool for pool in (await queues(farm))["pools"]}
    pool = seen["default"]
    counts = {name: pool[name] for name in ("replicas", "accepting", "busy", "draining", "disabled")}
    assert counts == {"replicas": 3, "accepting": 1, "busy": 1, "draining": 1, "disabled": 1}
    assert [(each["priority"], each["running"], each["staged"]) for each in pool["classes"]] == [("interactive", 1, 0)]
    assert (seen["gpu-spot"]["desired"], seen["gpu-spot"]["replicas"]) == (3, 0)


async def test_projects_stand_in_the_order_in_which_they_are_owed(farm: ApiFarm) -> None:
    other = bearer(await farm.new_key("film"))
    await farm.submit()
    model = await farm.http.post("/v1/models", json=await _manifest(farm, other), headers=other)
    await farm.set_model(model.json()["id"], "ready")
    spec = await farm.spec(model=model.json()["id"], frames="1-3")
    assert (await farm.http.post("/v1/jobs", json=spec, headers=other)).status_code == 202
    await farm.execute("update project set charged_s = 90, charged_at = now() where slug = 'default'")
    await farm.execute("update project set charged_s = 30, charged_at = now(), weight = 300 where slug = 'film'")
    first, second = (await queues(farm))["projects"]
    assert (first["project"], first["share"], first["frames"]) == ("film", 0.75, 3)
    assert (second["project"], second["share"], second["waiting"]) == ("default", 0.25, 1)
    assert abs(first["used"] - 0.25) < 0.01
    await farm.http.put("/v1/maintenance", json={"active": True, "drain": True})
    assert {each["stopped"] for each in (await queues(farm))["projects"]} == {"maintenance"}


async def test_probes_that_wait_are_counted(farm: ApiFarm) -> None:
    await farm.register()
    [tasks] = (await queues(farm))["tasks"]
    assert (tasks["kind"], tasks["waiting"], tasks["running"]) == ("probe", 1, 0)
    assert tasks["oldest_s"] >= 0


class TestWaiting:
    async def test_jobs_of_all_projects_stand_with_what_they_wait_for_the_most_urgent_first(
        self, farm: ApiFarm
    ) -> None:
        batch = await farm.submit(frames="1-4", priority="batch")
        urgent = await farm.submit(frames="1-2", priority="interactive")
        await farm.submit(frames="1")  # waits for nothing
        for job, reason in ((batch, "no_capacity"), (urgent, "licence")):
            await farm.execute(
                "update job set wait_reason = :why where id = cast(:id as uuid)", why=reason, id=job["id"]
            )
        first, second = (await farm.http.get("/v1/queues/waiting")).json()["items"]
        assert (first["id"], first["reason"], first["frames"], first["project"]) == (
            urgent["id"],
            "licence",
            2,
            "default",
        )
        assert (second["id"], second["priority"]) == (batch["id"], "batch")
        assert "free worker" in second["words"]
        [only] = (await farm.http.get("/v1/queues/waiting?reason=no_capacity")).json()["items"]
        assert only["id"] == batch["id"]
        assert (await farm.http.get("/v1/queues/waiting?reason=boredom")).status_code == 422

    async def test_jobs_that_have_ended_wait_for_nothing(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.execute("update job set wait_reason = 'no_capacity'")
        await farm.http.post(f"/v1/jobs/{job['id']}/cancel")
        assert (await farm.http.get("/v1/queues/waiting")).json()["items"] == []


class TestFailing:
    async def test_jobs_with_failed_frames_show_until_a_day_after_their_end(self, farm: ApiFarm) -> None:
        await farm.submit()  # without a failure
        job = await farm.submit(frames="1-4")
        await farm.start(job["id"])
        await farm.execute("update job set failed = 4 where id = cast(:id as uuid)", id=job["id"])
        [line] = (await farm.http.get("/v1/queues/failing")).json()["items"]
        assert (line["id"], line["failed"], line["frames"], line["project"]) == (job["id"], 4, 0, "default")
        await farm.execute(
            "update job set state = 'failed', end_reason = 'engine_error', ended_at = now() where failed > 0"
        )
        assert [line["state"] for line in (await farm.http.get("/v1/queues/failing")).json()["items"]] == ["failed"]
        await farm.execute("update job set ended_at = now() - interval '25 h' where failed > 0")
        assert (await farm.http.get("/v1/queues/failing")).json()["items"] == []


class TestBlocklists:
    async def test_a_machine_that_fails_jobs_shows_with_them_and_is_forgiven_for_all_at_once(
        self, farm: ApiFarm
    ) -> None:
        jobs = {await failed_on_n1(farm), await failed_on_n1(farm)}
        lines = (await farm.http.get("/v1/blocklists")).json()["items"]
        assert {line["job"] for line in lines} == jobs
        assert {(line["project"], line["node"], line["failures"], line["blocked"]) for line in lines} == {
            ("default", "n1", 1, False)
        }
        assert (await farm.http.get("/v1/blocklists?blocked=true")).json()["items"] == []
        assert (await farm.http.get("/v1/blocklists?node=n2")).json()["items"] == []
        done = await farm.http.post("/v1/blocklists/reset", json={"node": "n1"})
        assert done.json() == {"jobs": 2, "more": False}
        assert (await farm.http.get("/v1/blocklists")).json()["items"] == []
        assert (await farm.http.post("/v1/blocklists/reset", json={"node": "n1"})).json()["jobs"] == 0

    async def test_jobs_that_have_ended_are_left_out(self, farm: ApiFarm) -> None:
        job = await failed_on_n1(farm)
        await farm.execute("update work set state = 'canceled', leased_until = null, replica_id = null")
        await farm.execute(
            "update job set state = 'canceled', end_reason = 'user_cancel', ended_at = now(), canceled = total"
            " where id = cast(:id as uuid)",
            id=job,
        )
        assert (await farm.http.get("/v1/blocklists")).json()["items"] == []


async def _manifest(farm: ApiFarm, headers: dict[str, str]) -> dict[str, Any]:
    digest = digest_of(b"film")
    assert (await farm.http.put(f"/v1/blobs/{digest}", content=b"film", headers=headers)).is_success
    files = [{"path": "scene", "digest": digest, "size_bytes": 4}]
    return {"name": "film", "manifest": {"kind": "fake", "main": "scene", "files": files}}
