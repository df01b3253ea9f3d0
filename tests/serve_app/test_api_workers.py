"""Replicas and machines over HTTP: what they did, and what an operator tells them; a job's blocklist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event

from db.queue import claim_chunk
from tests.serve_app.farm import CLUSTER, ApiFarm, problem_of
from tests.serve_app.test_api_access import bearer

LEASE = timedelta(seconds=30)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that go to the database meanwhile."""
    seen: list[str] = []

    def see(*call: Any) -> None:
        seen.append(call[2])

    event.listen(Engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", see)


async def only_replica(farm: ApiFarm) -> Any:
    [seen] = (await farm.http.get("/v1/replicas")).json()["items"]
    return seen


async def test_a_job_says_that_all_workers_are_disabled_and_not_that_one_has_been_asked_for(farm: ApiFarm) -> None:
    job = await farm.submit()
    await farm.execute("update job set wait_reason = 'starting_replica'")

    async def words() -> str:
        return str((await farm.http.get(job["links"]["self"])).json()["wait"]["words"])

    assert "one has been asked for" in await words()
    replica_id = await farm.replica()
    await farm.http.post(f"/v1/replicas/{replica_id}/disable")
    assert "disabled" in await words()
    assert "rayfarm enable" in await words()
    await farm.http.post(f"/v1/replicas/{replica_id}/enable")
    assert "disabled" not in await words()
    await farm.http.post(f"/v1/replicas/{replica_id}/drain")
    assert "disabled or leaves" in await words()


class TestReplicas:
    async def test_it_counts_and_lists_what_it_did_newest_first(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="11-14", limits={"tries": 2})
        await farm.start(job["id"])
        replica_id, chunk = await farm.claim(job["id"], frames=3)
        await farm.commit(replica_id, chunk, 0, 1)
        await farm.fail(replica_id, chunk, 2)
        seen = await only_replica(farm)
        assert (seen["frames"], seen["failures"], seen["disabled"], seen["draining"]) == (2, 1, False, False)
        history = (await farm.http.get(f"/v1/replicas/{replica_id}/attempts")).json()["items"]
        assert (history[0]["outcome"], history[0]["frame"], history[0]["job"]) == ("engine_error", 13, job["id"])
        assert sorted((row["outcome"], row["frame"]) for row in history[1:]) == [("ok", 11), ("ok", 12)]
        stranger = bearer(await farm.new_key("stranger"))
        answer = await farm.http.get(f"/v1/replicas/{replica_id}/attempts", headers=stranger)
        assert answer.json()["items"] == []

    @pytest.mark.parametrize(
        ("keys", "role", "scopes"),
        [
            ("keys", "manager", ["project:manage"]),
            ("keys", "artist", ["project:render"]),
            ("farm/keys", "operator", ["farm:operate"]),
        ],
    )
    async def test_a_key_that_may_not_read_its_project_learns_nothing_of_its_jobs_by_the_replicas(
        self, farm: ApiFarm, keys: str, role: str, scopes: list[str]
    ) -> None:
        wish = {"name": "narrow", "role": role, "scopes": scopes}
        narrow = bearer((await farm.http.post(f"/v1/{keys}", json=wish)).json()["key"])
        job = await farm.submit(limits={"tries": 2})
        await farm.start(job["id"])
        replica_id, chunk = await farm.claim(job["id"], frames=1)
        await farm.fail(replica_id, chunk, 0)
        await farm.execute(
            "update replica set residents = cast(:residents as jsonb), current = cast(:current as jsonb)",
            residents=f'[{{"digest": "{"a" * 64}", "project_id": "{farm.project_id}", "bytes": 5}}]',
            current=f'{{"job_id": "{job["id"]}", "frame": 3}}',
        )
        path = f"/v1/replicas/{replica_id}"
        assert len((await farm.http.get(f"{path}/attempts")).json()["items"]) == 1
        answer = await farm.http.get(f"{path}/attempts", headers=narrow)
        assert (answer.status_code, answer.json()["items"]) == (200, [])
        [listed] = (await farm.http.get("/v1/replicas", headers=narrow)).json()["items"]
        for seen in (listed, (await farm.http.get(path, headers=narrow)).json()):
            assert seen["residents"] == []
            assert set(seen["current"].values()) == {None}

    async def test_a_person_in_no_project_sees_the_replicas_and_nobodys_work(self, farm: ApiFarm) -> None:
        replica_id = await farm.replica()
        person = await farm.person("ada@example.org")
        await farm.execute("delete from member")
        headers = bearer(person["access_token"])
        [seen] = (await farm.http.get("/v1/replicas", headers=headers)).json()["items"]
        assert seen["id"] == str(replica_id)
        assert (await farm.http.get(f"/v1/replicas/{replica_id}/attempts", headers=headers)).json()["items"] == []

    async def test_disabled_it_claims_nothing_until_it_is_enabled(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.start(job["id"])
        replica_id = await farm.replica()
        answer = await farm.http.post(f"/v1/replicas/{replica_id}/disable")
        assert (answer.status_code, answer.json()["disabled"]) == (200, True)
        with pytest.raises(AssertionError):  # nothing was handed out, so nothing is claimed
            await farm.claim(job["id"], frames=1, replica_id=replica_id)
        answer = await farm.http.post(f"/v1/replicas/{replica_id}/enable")
        assert answer.json()["disabled"] is False

    async def test_a_disabled_one_shows_why_until_it_is_enabled(self, farm: ApiFarm) -> None:
        replica_id = await farm.replica()
        answer = await farm.http.post(f"/v1/replicas/{replica_id}/disable", json={"reason": "loud fan"})
        assert answer.json()["disabled_reason"] == "loud fan"
        assert (await only_replica(farm))["disabled_reason"] == "loud fan"
        answer = await farm.http.post(f"/v1/replicas/{replica_id}/disable", json={"within_s": 3})
        assert problem_of(answer, 422, "invalid-input")["field"] == "within_s"
        answer = await farm.http.post(f"/v1/replicas/{replica_id}/enable")
        assert answer.json()["disabled_reason"] is None

    async def test_a_list_costs_as_many_statements_for_three_busy_replicas_as_for_one(self, farm: ApiFarm) -> None:
        member = bearer(await farm.new_key("studio"))
        costs: list[int] = []
        for _ in range(2):
            for _ in range(1 + len(costs)):
                current = json.dumps({"job_id": str(uuid4()), "frame": 1})
                await farm.execute(
                    "update replica set current = cast(:current as jsonb) where id = :id",
                    current=current,
                    id=await farm.replica(),
                )
            with counted() as statements:
                assert (await farm.http.get("/v1/replicas", headers=member)).is_success
            # The use of a key is noted now and then, and so is what its caller may still ask.
            costs.append(sum("api_key" not in one and "rate_bucket" not in one for one in statements))
        assert costs[0] == costs[1] > 0

    async def test_one_replica_is_looked_up_by_its_id(self, farm: ApiFarm) -> None:
        replica_id = await farm.replica()
        await farm.replica()
        with counted() as statements:
            seen = (await farm.http.get(f"/v1/replicas/{replica_id}")).json()
        assert seen["id"] == str(replica_id)
        [read] = [statement for statement in statements if "FROM replica" in statement]
        assert "WHERE replica.id = " in read

    async def test_a_drain_shows_its_reason_and_end(self, farm: ApiFarm) -> None:
        replica_id = await farm.replica()
        notice = {"reason": "new graphics card", "within_s": 3600}
        answer = await farm.http.post(f"/v1/replicas/{replica_id}/drain", json=notice)
        assert answer.status_code == 202
        seen = answer.json()
        assert (seen["state"], seen["draining"], seen["drain_reason"]) == ("draining", True, "new graphics card")
        assert seen["drain_by"] is not None
        assert await claim_chunk(farm.db, replica_id=replica_id, cluster_id=CLUSTER, lease=LEASE) is None

    async def test_a_drain_needs_no_body(self, farm: ApiFarm) -> None:
        replica_id = await farm.replica()
        answer = await farm.http.post(f"/v1/replicas/{replica_id}/drain")
        assert answer.json()["drain_reason"] == "An operator drained it."

    @pytest.mark.parametrize("verb", ["drain", "disable", "enable"])
    async def test_a_key_of_a_project_may_look_and_not_touch(self, farm: ApiFarm, verb: str) -> None:
        replica_id = await farm.replica()
        member = bearer(await farm.new_key("studio"))
        for path in (f"/v1/replicas/{replica_id}/{verb}", f"/v1/nodes/n1/{verb}"):
            problem = problem_of(await farm.http.post(path, headers=member), 403, "forbidden")
            assert "administrator" in problem["remedy"]
        assert (await farm.http.get(f"/v1/replicas/{replica_id}", headers=member)).status_code == 200
        seen = await only_replica(farm)
        assert (seen["disabled"], seen["draining"]) == (False, False)

    @pytest.mark.parametrize("verb", ["drain", "disable", "enable"])
    async def test_one_that_is_gone_is_not_found(self, farm: ApiFarm, verb: str) -> None:
        problem_of(await farm.http.post(f"/v1/replicas/{uuid4()}/{verb}"), 404, "not-found")
        problem_of(await farm.http.get(f"/v1/replicas/{uuid4()}"), 404, "not-found")
        problem_of(await farm.http.post(f"/v1/nodes/nowhere/{verb}"), 404, "not-found")

    async def test_a_notice_with_a_negative_time_is_refused(self, farm: ApiFarm) -> None:
        replica_id = await farm.replica()
        answer = await farm.http.post(f"/v1/replicas/{replica_id}/drain", json={"within_s": -1})
        problem_of(answer, 422, "invalid-input")


class TestNodes:
    async def test_a_machine_is_disabled_and_enabled_with_all_that_it_holds(self, farm: ApiFarm) -> None:
        replica_id = await farm.replica()
        answer = await farm.http.post("/v1/nodes/n1/disable", json={"reason": "loud fan"})
        [node] = answer.json()
        assert (node["name"], node["disabled"], node["reason"]) == ("n1", True, "loud fan")
        assert node["replicas"] == [str(replica_id)]
        assert (await only_replica(farm))["disabled"] is True
        [node] = (await farm.http.post("/v1/nodes/n1/enable")).json()
        assert (node["disabled"], node["reason"]) == (False, None)
        assert (await only_replica(farm))["disabled"] is False

    async def test_a_spot_notice_drains_all_replicas_of_the_machine(self, farm: ApiFarm) -> None:
        await farm.replica()
        await farm.replica()
        answer = await farm.http.post("/v1/nodes/n1/drain", json={"reason": "spot notice", "within_s": 120})
        assert answer.status_code == 202
        [node] = answer.json()
        assert (node["disabled"], node["draining"], len(node["replicas"])) == (True, 2, 2)
        [listed] = (await farm.http.get("/v1/nodes")).json()["items"]
        assert listed == node


class TestBlocklist:
    async def blocked(self, farm: ApiFarm) -> str:
        """A job that failed three times on n1 while n2 could go on."""
        job = await farm.submit(frames="1-9", limits={"tries": 9})
        await farm.start(job["id"])
        other = await farm.replica()
        await farm.execute("update replica set node = 'n2' where id = :id", id=other)
        replica_id, chunk = await farm.claim(job["id"], frames=3)
        for ordinal in (0, 1, 2):
            await farm.fail(replica_id, chunk, ordinal)
        return str(job["id"])

    async def test_a_machine_that_failed_too_often_is_shown_and_reset(self, farm: ApiFarm) -> None:
        job_id = await self.blocked(farm)
        [row] = (await farm.http.get(f"/v1/jobs/{job_id}/blocklist")).json()["items"]
        assert (row["node"], row["pipeline"], row["failures"], row["blocked"]) == ("n1", "fake", 3, True)
        assert (await farm.http.delete(f"/v1/jobs/{job_id}/blocklist/n1")).status_code == 204
        assert (await farm.http.get(f"/v1/jobs/{job_id}/blocklist")).json()["items"] == []
        problem_of(await farm.http.delete(f"/v1/jobs/{job_id}/blocklist/n1"), 404, "not-found")

    async def test_another_project_sees_none_of_it(self, farm: ApiFarm) -> None:
        job_id = await self.blocked(farm)
        stranger = bearer(await farm.new_key("stranger"))
        problem_of(await farm.http.get(f"/v1/jobs/{job_id}/blocklist", headers=stranger), 404, "not-found")
        problem_of(await farm.http.delete(f"/v1/jobs/{job_id}/blocklist/n1", headers=stranger), 404, "not-found")


async def test_suspect_frames_are_shown_with_their_flags_and_counted(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1-4")
    await farm.render(job["id"], frames=4)
    words = "Frame 2 is all black; frames 1 and 3 beside it are not."
    await farm.execute("insert into frame_look values (:id, 1, 1, 2, 0, 0)", id=UUID(job["id"]))
    await farm.execute(
        "insert into frame_flag (job_id, ordinal, generation, flag, detail) values (:id, 1, 1, 'black', :words)",
        id=UUID(job["id"]),
        words=words,
    )
    await farm.execute("update job set suspects = 1 where id = :id", id=UUID(job["id"]))
    seen = (await farm.http.get(f"/v1/jobs/{job['id']}")).json()
    assert (seen["suspects"], seen["state"]) == (1, "succeeded")
    frames = (await farm.http.get(f"/v1/jobs/{job['id']}/frames")).json()["items"]
    assert [frame["flags"] for frame in frames] == [[], [{"flag": "black", "detail": words}], [], []]
    one = (await farm.http.get(f"/v1/jobs/{job['id']}/frames/2")).json()
    assert one["flags"] == [{"flag": "black", "detail": words}]
