"""Outputs of a job end when they are said to, are told of before, and leave their rows behind."""

from __future__ import annotations

import asyncio
import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from cluster.loops.collector import Collector
from cluster.loops.retention import OutputExpirer
from cluster.loops.settings import LoopSettings
from tests.serve_app.farm import ApiFarm, problem_of

KEPT = LoopSettings(outputs_kept=timedelta(days=30), outputs_notice=timedelta(days=7), collect_page=1000)


async def finished(farm: ApiFarm, **fields: Any) -> Any:
    job = await farm.submit(**fields)
    await farm.render(job["id"], frames=job["counts"]["total"])
    return (await farm.http.get(f"/v1/jobs/{job['id']}")).json()


async def tick(farm: ApiFarm, settings: LoopSettings = KEPT) -> int:
    return await OutputExpirer(database=farm.db, settings=settings).tick(await farm._lead())


async def later(farm: ApiFarm, job: Any, days: int) -> None:
    """As if so many days had passed for the job."""
    await farm.execute(
        "update job set ended_at = ended_at - make_interval(days => :days),"
        " expires_at = expires_at - make_interval(days => :days),"
        " expiry_told_for = expiry_told_for - make_interval(days => :days) where id = :id",
        days=days,
        id=job["id"],
    )


async def expired(farm: ApiFarm, **fields: Any) -> Any:
    job = await finished(farm, **fields)
    await tick(farm)
    await later(farm, job, 25)
    await tick(farm)
    await later(farm, job, 10)
    await tick(farm)
    return (await farm.http.get(f"/v1/jobs/{job['id']}")).json()


async def told(farm: ApiFarm, job: Any) -> list[str]:
    """Kinds of the events about the end, in their order."""
    feed = await farm.http.get(f"/v1/jobs/{job['id']}/events")
    return [line.removeprefix("event: ") for line in feed.text.splitlines() if line.startswith("event: job.expir")]


async def collect(farm: ApiFarm) -> None:
    """The walk of the collector, hours after."""
    await farm.execute("update artifact set deleted_at = deleted_at - interval '2 hours'")
    collector = Collector(
        database=farm.db,
        storage=farm.storage,
        settings=KEPT,
        clock=lambda: datetime.now(UTC) + timedelta(days=2),
    )
    epoch = await farm._lead()
    await collector.tick(epoch)
    while collector.walks:
        await collector.tick(epoch)


class TestExpiry:
    async def test_an_ended_job_says_when_its_files_end_and_is_told_of_once_before(self, farm: ApiFarm) -> None:
        job = await finished(farm)
        assert job["expires_at"] is None
        await tick(farm)
        shown = (await farm.http.get(f"/v1/jobs/{job['id']}")).json()
        kept = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["ended_at"])
        assert kept == timedelta(days=30)
        assert await told(farm, job) == []
        await later(farm, job, 25)
        await tick(farm)
        await tick(farm)
        assert await told(farm, job) == ["job.expiring"]

    async def test_nothing_ends_where_the_farm_keeps_outputs_for_ever(self, farm: ApiFarm) -> None:
        job = await finished(farm)
        await later(farm, job, 10_000)
        assert await tick(farm, LoopSettings()) == 0
        assert (await farm.http.get(f"/v1/jobs/{job['id']}")).json()["expires_at"] is None

    async def test_a_job_of_long_ago_is_told_of_before_a_new_retention_ends_it(self, farm: ApiFarm) -> None:
        job = await finished(farm)
        await later(farm, job, 400)
        await tick(farm)
        shown = (await farm.http.get(f"/v1/jobs/{job['id']}")).json()
        assert shown["outputs_expired_at"] is None
        assert datetime.fromisoformat(shown["expires_at"]) > datetime.now(UTC) + timedelta(days=6)
        assert await told(farm, job) == ["job.expiring"]

    async def test_files_end_and_rows_stay(self, farm: ApiFarm) -> None:
        job = await expired(farm, frames="1-2")
        assert job["outputs_expired_at"] is not None
        assert job["counts"]["committed"] == 2
        assert await told(farm, job) == ["job.expiring", "job.expired"]
        items = (await farm.http.get(job["links"]["artifacts"])).json()["items"]
        assert sorted(item["name"] for item in items) == ["0001.png", "0002.png"]
        assert all(item["url"] is None and item["expired_at"] for item in items)
        problem_of(await farm.http.get(f"/v1/artifacts/{items[0]['id']}/content"), 404, "object-not-found")
        with zipfile.ZipFile(io.BytesIO((await farm.http.get(f"/v1/jobs/{job['id']}/archive")).content)) as archive:
            assert archive.namelist() == []
        assert len(await farm.storage.list_objects(f"artifacts/{UUID(job['id'])}/", limit=10)) == 2
        await collect(farm)
        assert await farm.storage.list_objects(f"artifacts/{UUID(job['id'])}/", limit=10) == []
        assert await farm.count("artifact") == 2

    async def test_files_that_another_job_has_reused_stay_for_it(self, farm: ApiFarm) -> None:
        job = await finished(farm, frames="1-2")
        other = await farm.submit(frames="1")
        await farm.execute(
            "insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes,"
            " sha256, media_type) select gen_random_uuid(), project_id, :other, ordinal, 1, kind, name, storage_key,"
            " size_bytes, sha256, media_type from artifact where job_id = :job and ordinal = 0",
            other=other["id"],
            job=job["id"],
        )
        await farm.http.patch(f"/v1/jobs/{job['id']}", json={"expires_at": soon()})
        await later(farm, job, 2)
        await tick(farm)
        await collect(farm)
        [kept] = await farm.storage.list_objects(f"artifacts/{UUID(job['id'])}/", limit=10)
        assert f"/{UUID(job['id'])}/0/" in kept.key

    async def test_a_person_puts_the_end_off(self, farm: ApiFarm) -> None:
        job = await finished(farm)
        await tick(farm)
        far = datetime.now(UTC) + timedelta(days=300)
        answer = await farm.http.patch(f"/v1/jobs/{job['id']}", json={"expires_at": far.isoformat()})
        assert datetime.fromisoformat(answer.json()["expires_at"]) == far
        await later(farm, job, 100)
        await tick(farm)
        assert (await farm.http.get(f"/v1/jobs/{job['id']}")).json()["outputs_expired_at"] is None
        back = await farm.http.patch(f"/v1/jobs/{job['id']}", json={"expires_at": None})
        assert back.json()["expires_at"] is None
        await tick(farm)
        assert (await farm.http.get(f"/v1/jobs/{job['id']}")).json()["expires_at"] is not None
        past = {"expires_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
        problem_of(await farm.http.patch(f"/v1/jobs/{job['id']}", json=past), 422, "invalid-input")

    async def test_a_job_that_renders_again_keeps_its_files(self, farm: ApiFarm) -> None:
        job = await finished(farm, frames="1-2")
        await farm.http.patch(f"/v1/jobs/{job['id']}", json={"expires_at": soon()})
        await farm.http.post(f"/v1/jobs/{job['id']}/frames/actions", json={"action": "requeue", "frames": "1"})
        await farm.execute("update job set expires_at = now() - interval '1 day' where id = :id", id=job["id"])
        assert await tick(farm) == 0
        assert (await farm.http.get(f"/v1/jobs/{job['id']}")).json()["outputs_expired_at"] is None

    async def test_a_job_whose_files_ended_is_rendered_again_as_a_new_job_alone(self, farm: ApiFarm) -> None:
        job = await expired(farm, frames="1-2")
        action = {"action": "requeue", "frames": "1"}
        problem_of(await farm.http.post(f"/v1/jobs/{job['id']}/frames/actions", json=action), 409, "conflict")
        problem_of(await farm.http.patch(f"/v1/jobs/{job['id']}", json={"expires_at": soon()}), 409, "conflict")
        clone = await farm.http.post(f"/v1/jobs/{job['id']}/clone", json={})
        assert clone.status_code == 202
        assert clone.json()["expires_at"] is None


def soon() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def test_an_end_that_an_artist_gives_at_the_same_moment_is_not_the_farms(farm: ApiFarm) -> None:
    job = await finished(farm, frames="1")
    theirs = "2099-01-01T00:00:00+00:00"
    async with farm.db.transaction() as artist:
        await artist.execute(
            text("update job set expires_at = cast(:at as timestamptz), expires_by_farm = false where id = :id"),
            {"at": datetime.fromisoformat(theirs), "id": job["id"]},
        )
        expirer = asyncio.create_task(tick(farm))
        blocked = "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        async with asyncio.timeout(20):
            while not expirer.done() and not await farm.count(blocked):
                await asyncio.sleep(0.01)
    await expirer
    assert await farm.count(f"job where expires_at = '{theirs}' and not expires_by_farm") == 1
    await tick(farm)
    assert await farm.count(f"job where expires_at = '{theirs}'") == 1


async def test_a_job_that_nobody_can_be_told_of_keeps_no_other_jobs_from_being_told(farm: ApiFarm) -> None:
    jobs = [await finished(farm, frames="1") for _ in range(3)]
    await tick(farm)
    bad = jobs[0]
    await farm.execute("update job set expires_at = expires_at - interval '1 hour' where id = :id", id=bad["id"])
    await farm.execute(  # the number of its next event is taken
        "insert into event (project_id, job_id, seq, kind, data) select project_id, id, event_seq + 1, 'x', '{}'"
        " from job where id = :id",
        id=bad["id"],
    )
    for job in jobs:
        await later(farm, job, 25)
    await tick(farm)
    assert [await told(farm, job) for job in jobs[1:]] == [["job.expiring"]] * 2
    assert await farm.count("job where expiry_told_for is null") == 1
