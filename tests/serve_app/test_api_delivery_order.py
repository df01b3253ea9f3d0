"""Whoever copies, in whatever order, and wherever it breaks: the bucket ends with the newest file of each name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from db.dispatch import lead, resign
from db.loops.delivery import claim_delivery, destinations_with_work
from jobs.egress import Egress
from storage.open_bucket import BucketAddress, open_bucket
from tests.serve_app.buckets import LOOPBACK, SECRET, Yard, s3_server, yard
from tests.serve_app.farm import CLUSTER, until

__all__ = ["s3_server", "yard"]


class SlowStorage:
    """The farm's storage; what is read of it waits until ``go``."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.asked = False
        self.go = asyncio.Event()

    async def stream(self, key: str, **options: Any) -> AsyncGenerator[bytes, None]:
        self.asked = True
        await self.go.wait()
        async for piece in self._inner.stream(key, **options):
            yield piece


async def job_with(yard: Yard, content: bytes) -> tuple[str, str]:
    """A job whose first frame waits to be delivered, and its key in the bucket."""
    destination = await yard.destination()
    job = await yard.farm.submit(deliver_to=destination["id"])
    await yard.commit_file(job["id"], content)
    return job["id"], f"renders/{job['id']}/0001.png"


async def test_a_frame_that_is_rendered_again_replaces_its_object(yard: Yard) -> None:
    job_id, key = await job_with(yard, b"old")
    await yard.deliver()
    await yard.commit_file(job_id, b"new", generation=2)
    [waiting] = await yard.deliveries(job_id)
    assert (waiting["state"], waiting["generation"]) == ("queued", 2)
    assert await yard.deliver() == 1
    assert yard.objects() == {key: b"new"}


async def test_a_file_of_an_older_generation_that_is_committed_late_is_not_delivered(yard: Yard) -> None:
    job_id, key = await job_with(yard, b"old")
    await yard.commit_file(job_id, b"new", generation=2)
    await yard.commit_file(job_id, b"late", generation=1)
    assert await yard.deliver() == 1
    assert yard.objects() == {key: b"new"}


async def test_a_newer_file_waits_until_the_older_one_that_is_under_way_has_landed(yard: Yard) -> None:
    job_id, key = await job_with(yard, b"old")
    slow = SlowStorage(yard.farm.storage)
    first = yard.new_courier(storage=slow)  # type: ignore[arg-type]
    await first.tick(await yard.farm._lead())
    await until(lambda: slow.asked)
    await yard.commit_file(job_id, b"new", generation=2)
    assert await yard.deliver() == 0
    slow.go.set()
    await first.settle()
    await yard.deliver()
    assert yard.history(key) == [b"old", b"new"]


@pytest.mark.parametrize("another_leads", [False, True])
async def test_a_copier_that_was_overtaken_and_writes_last_makes_it_good(yard: Yard, another_leads: bool) -> None:
    job_id, key = await job_with(yard, b"old")
    slow = SlowStorage(yard.farm.storage)
    first = yard.new_courier(storage=slow)  # type: ignore[arg-type]
    await first.tick(await yard.farm._lead())
    await until(lambda: slow.asked)
    await yard.commit_file(job_id, b"new", generation=2)
    await yard.wake()  # the lease of the first is over
    assert await yard.deliver() == 1
    assert yard.objects() == {key: b"new"}
    if another_leads:
        holder = yard.farm.project_id
        await resign(yard.farm.db, role="dispatcher", cluster_id=CLUSTER, holder=holder)
        others = {"role": "dispatcher", "cluster_id": CLUSTER, "ttl": timedelta(minutes=5)}
        other = uuid4()
        assert await lead(yard.farm.db, holder=other, **others)  # type: ignore[arg-type]
        await resign(yard.farm.db, role="dispatcher", cluster_id=CLUSTER, holder=other)
    slow.go.set()
    with capture_logs():
        await first.settle()
    await yard.deliver()
    assert yard.history(key) == [b"new", b"old", b"new"]
    assert [each["state"] for each in await yard.deliveries(job_id)] == ["delivered"]


async def test_what_a_crash_leaves_between_the_bucket_and_the_row_is_put_again_under_its_key(yard: Yard) -> None:
    job_id, key = await job_with(yard, b"picture")
    [there], _ = await destinations_with_work(yard.farm.db)
    settings = yard.courier._settings
    claimed = await claim_delivery(
        yard.farm.db, destination_id=there.id, settings=settings, epoch=await yard.farm._lead()
    )
    assert claimed is not None
    address = BucketAddress(
        bucket=there.bucket,
        prefix=there.prefix,
        region=there.region,
        endpoint_url=there.endpoint_url,
        access_key_id=there.access_key_id,
        secret_access_key=SECRET,
    )
    bucket = await asyncio.to_thread(open_bucket, address, egress=Egress(LOOPBACK), settings=settings)
    source = yard.farm.storage.stream(str(claimed.storage_key))
    await bucket.put(claimed.path, source, size_bytes=7, sha256=claimed.sha256, media_type="image/png")
    await bucket.close()
    assert await yard.deliver() == 0  # its lease is not over
    await yard.wake()
    assert await yard.deliver() == 1
    assert yard.objects() == {key: b"picture"}
    [told] = await yard.deliveries(job_id)
    assert (told["state"], told["attempts"]) == ("delivered", 2)


async def test_two_couriers_at_once_put_each_file_once(yard: Yard) -> None:
    destination = await yard.destination()
    job = await yard.farm.submit(frames="1-12", deliver_to=destination["id"])
    for ordinal in range(12):
        await yard.commit_file(job["id"], b"%d" % ordinal, ordinal=ordinal, name=f"{ordinal}.png")
    delivered = sum(await asyncio.gather(yard.deliver(), yard.deliver(yard.new_courier())))
    while more := await yard.deliver():  # a project has few at once, of all couriers together
        delivered += more
    assert delivered == 12
    assert {each["attempts"] for each in await yard.deliveries(job["id"])} == {1}
    assert sorted(yard.objects().values()) == sorted(b"%d" % ordinal for ordinal in range(12))
