"""Whoever loses a right loses what is open by it: event streams end, on a job that is busy too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest

from db.events import append_event
from jobs.events import EventKind
from tests.serve_app.conftest import Server
from tests.serve_app.farm import PASSWORD, ApiFarm, bearer

Lose = Callable[[ApiFarm, str], Awaitable[httpx.Response]]
EMAIL = "mallory@example.org"


async def account_of(farm: ApiFarm) -> str:
    return next(each["id"] for each in (await farm.http.get("/v1/accounts")).json()["items"] if each["email"] == EMAIL)


async def leave(farm: ApiFarm, token: str) -> httpx.Response:
    return await farm.http.delete(f"/v1/projects/default/members/{await account_of(farm)}")


async def disable(farm: ApiFarm, token: str) -> httpx.Response:
    return await farm.http.patch(f"/v1/accounts/{await account_of(farm)}", json={"disabled": True})


async def end_sessions(farm: ApiFarm, token: str) -> httpx.Response:
    return await farm.http.delete("/v1/me/sessions", headers=bearer(token))


async def change_password(farm: ApiFarm, token: str) -> httpx.Response:
    body = {"old": PASSWORD, "new": "another sentence of mine"}
    return await farm.http.put("/v1/me/password", json=body, headers=bearer(token))


@asynccontextmanager
async def busy(farm: ApiFarm, job_id: str) -> AsyncIterator[None]:
    """A job that has something to tell all the time."""

    async def tell() -> None:
        while True:
            async with farm.db.transaction() as tx:
                await append_event(tx, job_id=UUID(job_id), kind=EventKind.JOB_CHANGED, data={"weight": 7})
            await asyncio.sleep(0.02)

    task = asyncio.create_task(tell(), name="busy")
    try:
        yield
    finally:
        task.cancel()


async def ends_once(
    farm: ApiFarm, server: Server, headers: dict[str, str], lost: Callable[[], Awaitable[None]]
) -> None:
    """A stream tells, and ends when its right is lost; the client's time-out fails the test otherwise."""
    job = await farm.submit()
    async with (
        asyncio.timeout(20),
        busy(farm, job["id"]),
        server.http.stream("GET", job["links"]["events"], headers=headers) as answer,
    ):
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        async for line in lines:
            if line.startswith("event: "):
                break
        await lost()
        async for _ in lines:
            pass  # to its end
    assert (await server.http.get(job["links"]["self"])).json()["state"] == "queued"  # the job is not why it ended


class TestStreams:
    async def test_a_stream_ends_when_its_key_is_revoked(self, farm: ApiFarm, server: Server) -> None:
        made = (await farm.http.post("/v1/keys", json={"name": "stolen", "role": "viewer"})).json()

        async def lost() -> None:
            assert (await farm.http.delete(f"/v1/keys/{made['id']}")).status_code == 204

        await ends_once(farm, server, bearer(made["key"]), lost)

    async def test_a_stream_ends_when_its_key_expires(self, farm: ApiFarm, server: Server) -> None:
        made = (await farm.http.post("/v1/keys", json={"name": "short", "role": "viewer"})).json()

        async def lost() -> None:
            await farm.execute("update api_key set expires_at = now() where id = :id", id=made["id"])

        await ends_once(farm, server, bearer(made["key"]), lost)

    async def test_a_stream_ends_when_its_service_account_is_deleted(self, farm: ApiFarm, server: Server) -> None:
        root = "/v1/projects/default/service-accounts"
        robot = (await farm.http.post(root, json={"name": "ci"})).json()["id"]
        made = (await farm.http.post(f"{root}/{robot}/keys", json={"name": "ci"})).json()

        async def lost() -> None:
            assert (await farm.http.delete(f"{root}/{robot}")).status_code == 204

        await ends_once(farm, server, bearer(made["key"]), lost)

    @pytest.mark.parametrize("lose", [leave, disable, end_sessions, change_password])
    async def test_a_stream_ends_when_its_reader_is_out(self, farm: ApiFarm, server: Server, lose: Lose) -> None:
        token = (await farm.person(EMAIL, role="viewer"))["access_token"]

        async def lost() -> None:
            assert (await lose(farm, token)).is_success

        await ends_once(farm, server, bearer(token), lost)

    async def test_a_stream_goes_on_for_who_may_read_it(self, farm: ApiFarm, server: Server) -> None:
        """Over many heartbeats, at each of which the right is looked at again."""
        token = (await farm.person(EMAIL, role="viewer"))["access_token"]
        job = await farm.submit()
        beats = 0
        async with (
            asyncio.timeout(20),
            server.http.stream("GET", job["links"]["events"], headers=bearer(token)) as answer,
        ):
            async for line in answer.aiter_lines():
                beats += line.startswith(":")
                if beats == 5:
                    return
        raise AssertionError("the stream ended")
