"""Files of jobs arrive in the project's own bucket as they are committed, whole, and the newest of each name."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from tests.serve_app.buckets import Yard, s3_server, yard
from tests.serve_app.farm import problem_of

__all__ = ["s3_server", "yard"]


async def kinds_of(yard: Yard, job_id: str) -> list[str]:
    rows = await yard.rows("select kind from event where job_id = :id order by seq", id=job_id)
    return [row.kind for row in rows]


class TestFiles:
    async def test_each_frame_lies_in_the_bucket_as_it_was_committed_and_is_listed_there(self, yard: Yard) -> None:
        destination = await yard.destination()
        job = await yard.farm.submit(frames="7-8", deliver_to=destination["id"])
        await yard.farm.render(job["id"], frames=1)
        assert await yard.deliver() == 1
        assert list(yard.objects()) == [f"renders/{job['id']}/0007.png"]
        await yard.farm.render(job["id"], frames=1)
        assert await yard.deliver() == 1
        there = yard.objects()
        of_job = job["id"].replace("-", "").encode()
        assert there == {
            f"renders/{job['id']}/000{frame}.png": b"picture %d of %s" % (frame, of_job) for frame in (7, 8)
        }
        head = yard.s3.head_object(Bucket=yard.bucket, Key=next(iter(there)))
        assert head["ContentType"] == "image/png"
        told = await yard.deliveries(job["id"])
        assert [(each["frame"], each["state"], each["attempts"], each["error"]) for each in told] == [
            (7, "delivered", 1, None),
            (8, "delivered", 1, None),
        ]
        assert [each["object"] for each in told] == [f"s3://{yard.bucket}/{key}" for key in there]
        assert await yard.deliver() == 0

    async def test_they_are_named_by_the_jobs_template_and_lead_out_of_the_prefix_by_no_name(self, yard: Yard) -> None:
        destination = await yard.destination(prefix="/show a/")
        spec = {"name": "../../etc", "outputs": {"video": None, "naming": "{job}/beauty.{frame:04d}"}}
        job = await yard.farm.submit(frames="3", deliver_to=destination["id"], **spec)
        await yard.farm.render(job["id"], frames=1)
        await yard.deliver()
        [key] = yard.objects()
        assert key.startswith("show a/")
        assert key.endswith("/beauty.0003.png")
        assert ".." not in key.split("/")

    async def test_a_large_film_goes_in_parts_and_previews_stay_at_home(self, yard: Yard) -> None:
        destination = await yard.destination()
        job = await yard.farm.submit(deliver_to=destination["id"])
        film = bytes(range(256)) * (11 * 4096)
        await yard.commit_file(job["id"], film, ordinal=None, kind="video", name="film.mp4")
        await yard.commit_file(job["id"], b"small", kind="preview", name="0001.jpg")
        assert await yard.deliver(yard.new_courier(part_bytes=5 * 2**20)) == 1
        assert yard.objects() == {f"renders/{job['id']}/film.mp4": film}
        head = yard.s3.head_object(Bucket=yard.bucket, Key=f"renders/{job['id']}/film.mp4")
        assert head["ETag"].endswith('-3"')  # S3's mark of three parts

    async def test_two_files_of_a_job_never_share_a_name(self, yard: Yard) -> None:
        destination = await yard.destination()
        job = await yard.farm.submit(deliver_to=destination["id"])
        await yard.commit_file(job["id"], b"one", ordinal=0, kind="extra", name="depth.exr")
        await yard.commit_file(job["id"], b"two", ordinal=1, kind="extra", name="depth.exr")
        assert await yard.deliver() == 2
        assert sorted(yard.objects().values()) == [b"one", b"two"]

    async def test_bytes_that_are_not_the_ones_that_were_committed_are_not_shown_to_the_customer(
        self, yard: Yard
    ) -> None:
        destination = await yard.destination()
        job = await yard.farm.submit(deliver_to=destination["id"])
        await yard.commit_file(job["id"], b"as it was rendered")
        await yard.farm.execute("update artifact set sha256 = repeat('0', 64)")
        assert await yard.deliver() == 0
        assert yard.objects() == {}
        [told] = await yard.deliveries(job["id"])
        assert told["state"] == "queued"
        assert "SHA-256" in told["error"]
        [row] = await yard.rows("select failing_since from destination")
        assert row.failing_since is None

    async def test_a_file_that_has_expired_is_given_up_at_once(self, yard: Yard) -> None:
        destination = await yard.destination()
        job = await yard.farm.submit(deliver_to=destination["id"])
        await yard.commit_file(job["id"], b"old")
        await yard.farm.execute("update artifact set deleted_at = now()")
        await yard.deliver()
        [told] = await yard.deliveries(job["id"])
        assert (told["state"], told["error"]) == ("failed", "The file had expired before it was delivered.")

    async def test_frames_that_were_reused_are_delivered_too(self, yard: Yard) -> None:
        await yard.destination(is_default=True)
        job = await yard.farm.submit()
        async with yard.farm.db.transaction() as tx:
            await tx.execute(text("set local enable_nestloop = off"))
            await tx.execute(
                text(
                    "insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key,"
                    " size_bytes, sha256, media_type) select gen_random_uuid(), project_id, id, n, 1, 'frame',"
                    " n || '.png', 'artifacts/' || n, 1, repeat('0', 64), 'image/png' from job,"
                    " generate_series(0, 3) as n"
                )
            )
        assert len(await yard.deliveries(job["id"], state="queued")) == 4


class TestWhoIsDelivered:
    async def test_a_job_that_names_none_goes_to_the_default_and_null_goes_nowhere(self, yard: Yard) -> None:
        default = await yard.destination(is_default=True)
        spoken, silent = await yard.farm.submit(), await yard.farm.submit(deliver_to=None)
        assert [spoken["destination"], silent["destination"]] == [default["id"], None]
        for job in (spoken, silent):
            await yard.commit_file(job["id"], b"picture")
        assert await yard.deliver() == 1
        assert list(yard.objects()) == [f"renders/{spoken['id']}/0001.png"]
        assert await yard.deliveries(silent["id"]) == []

    async def test_without_a_default_nothing_is_queued(self, yard: Yard) -> None:
        await yard.destination()
        job = await yard.farm.submit()
        await yard.commit_file(job["id"], b"picture")
        assert await yard.deliveries(job["id"]) == []

    async def test_there_is_one_default_at_a_time(self, yard: Yard) -> None:
        first = await yard.destination(is_default=True)
        second = await yard.destination(name="other", is_default=True)
        listed = (await yard.farm.http.get("/v1/projects/default/destinations")).json()["items"]
        assert {each["id"]: each["is_default"] for each in listed} == {first["id"]: False, second["id"]: True}

    async def test_the_same_request_again_finds_the_same_job_although_the_default_changed(self, yard: Yard) -> None:
        spec = await yard.farm.spec()
        first = await yard.farm.http.post("/v1/jobs", json=spec, headers={"Idempotency-Key": "once"})
        await yard.destination(is_default=True)
        again = await yard.farm.http.post("/v1/jobs", json=spec, headers={"Idempotency-Key": "once"})
        assert again.json()["id"] == first.json()["id"]


class TestEnd:
    async def test_the_feed_says_once_that_all_of_an_ended_job_is_delivered(self, yard: Yard) -> None:
        destination = await yard.destination()
        job = await yard.farm.submit(frames="1-2", deliver_to=destination["id"])
        await yard.farm.render(job["id"], frames=1)
        await yard.deliver()
        assert "job.delivered" not in await kinds_of(yard, job["id"])
        await yard.farm.render(job["id"], frames=1)
        await yard.deliver()
        await yard.deliver()
        assert (await kinds_of(yard, job["id"])).count("job.delivered") == 1
        [event] = await yard.rows("select data from event where kind = 'job.delivered'")
        assert event.data["destination"] == destination["id"]
        assert (event.data["delivered"], event.data["failed"]) == (2, 0)
        assert event.data["size_bytes"] == sum(len(content) for content in yard.objects().values())

    async def test_a_destination_that_is_deleted_ends_what_waits_and_the_feed_says_so(self, yard: Yard) -> None:
        destination = await yard.destination()
        job = await yard.farm.submit(frames="1", deliver_to=destination["id"])
        await yard.farm.render(job["id"], frames=1)
        answer = await yard.farm.http.delete(f"/v1/projects/default/destinations/{destination['id']}")
        assert answer.status_code == 204
        await yard.deliver()
        [told] = await yard.deliveries(job["id"])
        assert (told["state"], told["error"]) == ("failed", "The destination was deleted.")
        assert (await kinds_of(yard, job["id"])).count("delivery.failed") == 1


@pytest.mark.parametrize("wanted", ["00000000-0000-0000-0000-000000000001", "another"])
async def test_a_job_names_no_destination_that_is_not_its_projects(yard: Yard, wanted: Any) -> None:
    if wanted == "another":
        key = await yard.farm.new_key("elsewhere")
        there = await yard.farm.http.post(
            "/v1/projects/elsewhere/destinations", json=yard.wish(), headers={"Authorization": f"Bearer {key}"}
        )
        wanted = there.json()["id"]
    answer = await yard.farm.http.post("/v1/jobs", json=await yard.farm.spec(deliver_to=wanted))
    assert "destination" in problem_of(answer, 404, "not-found")["detail"]
