"""Buckets that refuse, servers that are away or hostile: nothing is lost, and everybody can see why."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import boto3
import httpx
import pytest

from jobs.egress import EgressSettings
from tests.serve_app.buckets import DESTINATIONS, Yard, s3_server, yard
from tests.serve_app.farm import problem_of

__all__ = ["s3_server", "yard"]

Answers = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def hostile(answers: Answers) -> AsyncIterator[str]:
    """A server that answers each connection like this, until the test ends."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            await answers(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture
def keys(s3_server: str) -> AsyncIterator[Any]:
    """Makes a user that may do so much with a bucket; from then on the server asks everybody for a key."""

    def ask(count: str) -> None:
        httpx.post(f"{s3_server}/moto-api/reset-auth", content=count.encode()).raise_for_status()

    def make(statement: Any) -> dict[str, str]:
        iam = boto3.client(
            "iam",
            region_name="us-east-1",
            endpoint_url=s3_server,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        name = f"rayfarm-{len(iam.list_users()['Users'])}"
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="deliver", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        ask("0")
        return {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}

    make.open = lambda: ask("inf")  # type: ignore[attr-defined]
    yield make  # type: ignore[misc]
    ask("inf")


def needed(yard: Yard) -> dict[str, Any]:
    """The policy of docs/api/delivery.md."""
    return {
        "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
        "Resource": f"arn:aws:s3:::{yard.bucket}/renders/*",
    }


async def job_of(yard: Yard, destination: Any, *contents: bytes) -> str:
    job = await yard.farm.submit(frames="1-20", deliver_to=destination["id"])
    for ordinal, content in enumerate(contents):
        await yard.commit_file(job["id"], content, ordinal=ordinal, name=f"{ordinal:04}.png")
    return str(job["id"])


async def try_out(yard: Yard, destination: Any) -> httpx.Response:
    return await yard.farm.http.post(f"{DESTINATIONS}/{destination['id']}:test")


class TestKeys:
    async def test_the_policy_of_the_documentation_is_enough(self, yard: Yard, keys: Any) -> None:
        destination = await yard.destination(**keys(needed(yard)))
        answer = await try_out(yard, destination)
        assert answer.json() == {"key": "renders/.rayfarm-test", "deleted": False}
        job_id = await job_of(yard, destination, b"x" * 11 * 2**20, b"small")
        assert await yard.deliver(yard.new_courier(part_bytes=5 * 2**20)) == 2
        keys.open()
        assert {f"renders/{job_id}/0000.png", f"renders/{job_id}/0001.png"} <= set(yard.objects())

    async def test_a_key_that_may_not_write_is_told_so_with_what_to_allow(self, yard: Yard, keys: Any) -> None:
        destination = await yard.destination(**keys({**needed(yard), "Action": "s3:GetObject"}))
        problem = problem_of(await try_out(yard, destination), 409, "destination-refused")
        assert problem["s3_code"] == "AccessDenied"
        assert f"arn:aws:s3:::{yard.bucket}/renders/*" in problem["remedy"]

    async def test_a_wrong_key_is_told_as_such_and_the_right_one_delivers_what_waited(
        self, yard: Yard, keys: Any
    ) -> None:
        good = keys(needed(yard))
        wrong = {**good, "secret_access_key": "another-secret-altogether"}
        destination = await yard.destination(**wrong)
        problem = problem_of(await try_out(yard, destination), 409, "destination-refused")
        assert problem["s3_code"] == "SignatureDoesNotMatch"
        assert problem["detail"] == "The secret access key does not belong to the access key id."
        unknown = await yard.destination(**{**good, "access_key_id": "AKIDNOBODY", "name": "unknown"})
        assert (await try_out(yard, unknown)).json()["s3_code"] == "InvalidAccessKeyId"
        job_id = await job_of(yard, destination, b"one", b"two")
        assert await yard.deliver() == 0
        shown = (await yard.farm.http.get(f"{DESTINATIONS}/{destination['id']}")).json()
        assert shown["error"].startswith("The secret access key does not belong")
        assert shown["failing_since"] is not None
        assert "does not belong" in " ".join(each["error"] or "" for each in await yard.deliveries(job_id))
        await yard.farm.http.put(f"{DESTINATIONS}/{destination['id']}/key", json=good)
        assert await yard.deliver() == 2
        shown = (await yard.farm.http.get(f"{DESTINATIONS}/{destination['id']}")).json()
        assert (shown["error"], shown["failing_since"]) == (None, None)


class TestAway:
    async def test_a_server_that_is_away_is_left_alone_for_a_while_and_one_file_tries_it(self, yard: Yard) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        destination = await yard.destination(endpoint_url=nobody)
        job_id = await job_of(yard, destination, *(b"%d" % number for number in range(8)))
        assert await yard.deliver() == 0
        tried = sum(each["attempts"] for each in await yard.deliveries(job_id))
        assert 1 <= tried <= 4
        await yard.farm.execute("update delivery set not_before = now()")
        await yard.deliver()
        assert sum(each["attempts"] for each in await yard.deliveries(job_id)) == tried
        await yard.wake()
        await yard.deliver()
        assert sum(each["attempts"] for each in await yard.deliveries(job_id)) == tried + 1
        assert any("does not take connections" in (each["error"] or "") for each in await yard.deliveries(job_id))

    async def test_after_a_day_it_is_given_up_and_asked_for_again_it_is_delivered(self, yard: Yard) -> None:
        destination = await yard.destination(bucket="there-is-no-such-bucket")
        job = await yard.farm.submit(frames="1-2", deliver_to=destination["id"])
        await yard.farm.render(job["id"], frames=2)
        await yard.deliver()
        await yard.wake()
        await yard.farm.execute("update delivery set queued_at = now() - interval '25 hours'")
        await yard.farm.execute("update destination set failing_since = now() - interval '25 hours'")
        await yard.deliver()
        told = await yard.deliveries(job["id"], state="failed")
        assert len(told) == 2
        assert {each["error"] for each in told} == {
            "There is no bucket there-is-no-such-bucket. Create it, or correct the destination."
        }
        kinds = await yard.rows("select kind from event where kind like '%deliver%'")
        assert [row.kind for row in kinds] == ["delivery.failed"]
        changed = await yard.farm.http.patch(f"{DESTINATIONS}/{destination['id']}", json={"bucket": yard.bucket})
        assert changed.status_code == 200
        assert await yard.deliver() == 0  # given up is given up
        again = await yard.farm.http.post(f"/v1/jobs/{job['id']}/deliveries/retry")
        assert (again.status_code, again.json()) == (202, {"files": 2})
        assert await yard.deliver() == 2
        assert len(yard.objects()) == 2
        kinds = await yard.rows("select kind from event where kind like '%deliver%' order by seq")
        assert [row.kind for row in kinds] == ["delivery.failed", "job.delivered"]

    async def test_one_bucket_that_fails_keeps_no_other_from_its_files(self, yard: Yard) -> None:
        broken = await yard.destination(name="broken", bucket="there-is-no-such-bucket")
        await job_of(yard, broken, b"one", b"two")
        job_id = await job_of(yard, await yard.destination(), b"three")
        assert await yard.deliver() == 1
        assert yard.objects() == {f"renders/{job_id}/0000.png": b"three"}

    async def test_a_test_that_goes_well_ends_every_pause(self, yard: Yard) -> None:
        late = f"late-{yard.bucket}"[:63]
        destination = await yard.destination(bucket=late)
        await job_of(yard, destination, b"one", b"two")
        assert await yard.deliver() == 0
        yard.s3.create_bucket(Bucket=late)
        assert await yard.deliver() == 0  # it rests
        assert (await try_out(yard, destination)).status_code == 200
        assert await yard.deliver() == 2


class TestGuard:
    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254",
            "https://169.254.169.254",
            "https://127.0.0.1",
            "https://[::1]",
            "https://10.0.0.7",
            "http://s3.example.org",
            "https://s3.example.org:22",
            "https://user:secret@s3.example.org",
            "https://s3.example.org/some/path",
            "ftp://s3.example.org",
        ],
    )
    async def test_addresses_inside_are_refused_where_they_are_named(self, yard: Yard, url: str) -> None:
        yard.farm.app.state.services.destinations.egress.settings = EgressSettings()
        answer = await yard.farm.http.post(DESTINATIONS, json=yard.wish(endpoint_url=url))
        assert answer.status_code == 422, answer.text
        assert answer.json()["field"] == "endpoint_url"
        assert await yard.farm.count("destination") == 0

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    async def test_an_address_inside_is_not_connected_to_however_it_came_into_the_row(
        self, yard: Yard, host: str
    ) -> None:
        connections = 0

        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1

        async with hostile(count) as url:
            port = int(url.rpartition(":")[2])
            destination = await yard.destination(endpoint_url=f"http://{host}:{port}")
            job_id = await job_of(yard, destination, b"picture")
            guarded = EgressSettings(allow_http=True, ports=(port,))
            assert await yard.deliver(yard.new_courier(egress=guarded)) == 0
        [told] = await yard.deliveries(job_id)
        assert "It leads to an address that is not public." in told["error"]
        assert connections == 0

    async def test_the_metadata_of_a_cloud_stays_closed_whatever_the_settings_open(self, yard: Yard) -> None:
        everything = EgressSettings(allow_http=True, allowed_networks=("0.0.0.0/0",))  # type: ignore[arg-type]
        destination = await yard.destination()
        job_id = await job_of(yard, destination, b"picture")
        await yard.farm.execute("update destination set endpoint_url = 'http://169.254.169.254'")
        await yard.deliver(yard.new_courier(egress=everything))
        [told] = await yard.deliveries(job_id)
        assert "metadata service" in told["error"]

    async def test_an_answer_without_an_end_is_not_read_to_the_end(self, yard: Yard) -> None:
        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\n\r\n")
            while True:
                writer.write(b"<Error>" * 4096)
                await writer.drain()

        async with hostile(endless) as url:
            destination = await yard.destination(endpoint_url=url)
            job_id = await job_of(yard, destination, b"picture")
            assert await yard.deliver() == 0
            [told] = await yard.deliveries(job_id)
        assert "too long" in told["error"]

    async def test_a_server_that_answers_byte_by_byte_for_ever_is_cut_off(self, yard: Yard) -> None:
        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)

        async with hostile(drip) as url:
            destination = await yard.destination(endpoint_url=url)
            job_id = await job_of(yard, destination, b"picture")
            assert await yard.deliver(yard.new_courier(timeout=1)) == 0
            [told] = await yard.deliveries(job_id)
        assert (told["state"], told["attempts"]) == ("queued", 1)
        assert told["error"] is not None
