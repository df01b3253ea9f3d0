"""Probes: each tells the truth of what it is asked for, and of nothing else."""

from __future__ import annotations

import httpx
import pytest
from opentelemetry import trace
from sqlalchemy import text

from db.migrate import known_revisions, newest_revision
from tests.serve_app.farm import ApiFarm, bearer, problem_of

NOBODY = {"Authorization": ""}


@pytest.fixture
async def leaders(farm: ApiFarm) -> None:
    for number, role in enumerate(("dispatcher", "loops")):
        await farm.execute(
            "insert into leader (role, cluster_id, holder, epoch, expires_at) values"
            " (:role, 'probe', gen_random_uuid(), :epoch, now() + interval '1 hour')",
            role=role, epoch=10_000_000 + number,
        )  # fmt: skip


async def at_revision(farm: ApiFarm, revision: str) -> None:
    await farm.execute("update alembic_version set version_num = :revision", revision=revision)


def checks_of(answer: httpx.Response) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in answer.json()["checks"]}


class TestStartup:
    async def test_a_database_of_this_release_lets_it_start(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/v1/health/startup", headers=NOBODY)
        assert answer.json() == {"status": "started", "schema_revision": newest_revision()}

    async def test_a_missing_migration_holds_it_back_and_says_which(self, farm: ApiFarm) -> None:
        await at_revision(farm, known_revisions()[1])
        try:
            problem = problem_of(await farm.http.get("/v1/health/startup", headers=NOBODY), 503, "schema-behind")
            assert known_revisions()[1] in problem["detail"]
            assert newest_revision() in problem["detail"]
            ready = problem_of(await farm.http.get("/v1/health/ready", headers=NOBODY), 503, "not-ready")
            assert {check["name"]: check["ok"] for check in ready["checks"]}["schema"] is False
            assert (await farm.http.get("/v1/health/live", headers=NOBODY)).status_code == 200
        finally:
            await at_revision(farm, newest_revision())

    async def test_a_database_of_a_newer_release_does_not_stop_an_older_process(self, farm: ApiFarm) -> None:
        await at_revision(farm, "9999")
        try:
            answer = await farm.http.get("/v1/health/startup", headers=NOBODY)
            assert answer.json()["schema_revision"] == "9999"
        finally:
            await at_revision(farm, newest_revision())


class TestReady:
    @pytest.mark.usefixtures("leaders")
    async def test_a_farm_in_order_says_so_of_every_part(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/v1/health/ready", headers=NOBODY)
        assert checks_of(answer) == dict.fromkeys(
            ("database", "schema", "storage", "dispatcher", "loops", "events"), True
        )

    async def test_a_dispatcher_that_is_away_is_named_and_does_not_close_the_front_door(self, farm: ApiFarm) -> None:
        await farm.execute("delete from leader")
        answer = await farm.http.get("/v1/health/ready", headers=NOBODY)
        assert answer.status_code == 200
        assert checks_of(answer)["dispatcher"] is checks_of(answer)["loops"] is False


class TestTraceOfARequest:
    async def test_a_job_keeps_the_context_of_the_request_that_made_it(self, farm: ApiFarm) -> None:
        parent = f"00-{'a' * 32}-{'b' * 16}-01"
        model = await farm.model()
        for sent, kept in ((parent, "a" * 32), ("nonsense", None), (None, None)):
            headers = bearer(farm.key, **({"traceparent": sent} if sent else {}))
            body = {"model": model, "pipeline": "fake", "frames": "1-2"}
            job = (await farm.http.post("/v1/jobs", json=body, headers=headers)).json()
            async with farm.db.transaction() as tx:
                found = await tx.execute(text("select traceparent from job where id = :id"), {"id": job["id"]})
            traceparent = found.scalar_one()
            assert (traceparent.split("-")[1] if traceparent else None) == kept
        assert not trace.get_current_span().get_span_context().is_valid
