"""Uploads in parts through the API, on disk and on a real S3 server: they resume, and become blobs only if true."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ByteSize
from sqlalchemy import text

from db.loops import Retention, prune
from db.repositories.uploads import lease_upload, renew_verification
from serve_app.app import build_app
from serve_app.settings import ApiSettings
from storage import StorageSettings
from storage.base import DigestMismatch
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, bearer, beside_the_loop, digest_of, pieces, problem_of
from tests.storage.backends import pattern
from tests.storage.conftest import one_boto3_session, s3_settings, seaweed  # noqa: F401 - fixtures

MIB = 2**20
PART = 5 * MIB
CONTENT = pattern(2 * PART + 1000)
DIGEST = digest_of(CONTENT)
NEW = {"digest": DIGEST, "size_bytes": len(CONTENT)}


@pytest.fixture
def storage_settings(storage_settings: StorageSettings, monkeypatch: pytest.MonkeyPatch) -> StorageSettings:
    monkeypatch.setenv("RAYFARM_STORAGE_PART_BYTES", str(PART))
    return storage_settings.model_copy(update={"part_bytes": ByteSize(PART), "max_blob_bytes": ByteSize(12 * MIB)})


@pytest.fixture
def api_settings(api_settings: ApiSettings) -> ApiSettings:
    return api_settings.model_copy(update={"max_open_uploads_per_project": 3, "max_wait": timedelta(seconds=0.5)})


@pytest.fixture(params=["disk", "s3"])
async def either(
    request: pytest.FixtureRequest, farm: ApiFarm, api_settings: ApiSettings, database_settings: Any
) -> AsyncIterator[ApiFarm]:
    """The farm, or the same with its storage in S3."""
    if request.param == "disk":
        yield farm
        return
    settings = request.getfixturevalue("s3_settings")
    app = build_app(api_settings, database_settings=database_settings, storage_settings=settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        client = await stack.enter_async_context(client_of(app, farm.key))
        yield ApiFarm(
            db=farm.db,
            storage=app.state.services.storage,
            http=client,
            key=farm.key,
            project_id=farm.project_id,
            app=app,
        )


def client_of(app: FastAPI, key: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://farm.test", headers=bearer(key))


async def begin(farm: ApiFarm, **changes: Any) -> Any:
    answer = await farm.http.post("/v1/uploads", json={**NEW, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def put(farm: ApiFarm, url: str, content: Any) -> httpx.Response:
    """Without a key, as whoever holds the link."""
    if url.startswith("http://farm.test/"):
        return await farm.http.put(url, content=content, headers={"Authorization": ""})
    async with httpx.AsyncClient() as stranger:
        return await stranger.put(url, content=content)


async def send(farm: ApiFarm, upload: Any, *numbers: int, content: bytes = CONTENT) -> None:
    for part in upload["parts"]:
        if part["url"] and (not numbers or part["number"] in numbers):
            start = (part["number"] - 1) * upload["part_bytes"]
            answer = await put(farm, part["url"], content[start : start + part["size_bytes"]])
            assert answer.is_success, answer.text


def gated(monkeypatch: pytest.MonkeyPatch, farm: ApiFarm, error: Exception | None = None) -> asyncio.Event:
    """Until it is set no upload is read; then it is, or fails with ``error``."""
    go, parts = asyncio.Event(), farm.app.state.services.parts
    assemble = parts.assemble

    async def late(upload: Any) -> None:
        await go.wait()
        if error is not None:
            raise error
        await assemble(upload)

    monkeypatch.setattr(parts, "assemble", late)
    return go


async def rows_of(farm: ApiFarm, query: str) -> list[Any]:
    async with farm.db.transaction() as tx:
        return list((await tx.execute(text(query))).all())


async def complete(farm: ApiFarm, upload: Any) -> httpx.Response:
    return await farm.http.post(f"/v1/uploads/{upload['id']}:complete")


async def settled(farm: ApiFarm, upload: Any) -> httpx.Response:
    """As a client asks: again while it is verified."""
    for _ in range(100):
        answer = await complete(farm, upload)
        if answer.status_code != 202:
            return answer
    raise AssertionError(answer.text)


async def read(farm: ApiFarm, upload: Any) -> Any:
    return (await farm.http.get(f"/v1/uploads/{upload['id']}")).json()


def there(upload: Any) -> list[int]:
    return [part["number"] for part in upload["parts"] if part["is_there"]]


async def test_a_blob_in_parts_is_there_only_once_it_is_complete(either: ApiFarm) -> None:
    upload = await begin(either)
    assert [part["size_bytes"] for part in upload["parts"]] == [PART, PART, 1000]
    await send(either, upload)
    assert (await either.http.head(f"/v1/blobs/{DIGEST}")).status_code == 404
    done = await settled(either, upload)
    assert (done.status_code, done.json()["state"]) == (200, "complete")
    assert (await either.http.head(f"/v1/blobs/{DIGEST}")).headers["content-length"] == str(len(CONTENT))
    assert (await either.http.post("/v1/blobs/lacking", json={"digests": [DIGEST]})).json()["lacking"] == []
    again = await settled(either, upload)  # as a client that lost the answer
    assert (again.status_code, again.json()["state"]) == (200, "complete")


async def test_it_goes_on_where_it_stopped_also_for_another_machine(either: ApiFarm) -> None:
    await send(either, await begin(either), 2)
    answer = await either.http.post("/v1/uploads", json=NEW)
    assert answer.status_code == 200
    upload = answer.json()
    assert there(upload) == [2]
    assert [part["number"] for part in upload["parts"] if part["url"]] == [1, 3]
    assert there(await read(either, upload)) == [2]
    await send(either, upload)
    assert (await settled(either, upload)).json()["state"] == "complete"
    assert await either.count("upload") == 1


class TestLinks:
    @pytest.fixture
    def api_settings(self, api_settings: ApiSettings) -> ApiSettings:
        return api_settings.model_copy(update={"upload_links": 2})

    async def test_they_are_few_at_a_time_and_are_signed_beside_the_event_loop(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = beside_the_loop(monkeypatch, farm.app.state.services.parts, "part_url")
        upload = await begin(farm)
        assert [part["number"] for part in upload["parts"] if part["url"]] == [1, 2]
        await send(farm, upload)
        upload = await read(farm, upload)
        assert [part["number"] for part in upload["parts"] if part["url"]] == [3]
        await send(farm, upload)
        assert (await settled(farm, upload)).json()["state"] == "complete"
        assert held == [False] * 3


async def test_parts_that_lack_are_named_and_may_follow(either: ApiFarm) -> None:
    upload = await begin(either)
    await send(either, upload, 1)
    assert problem_of(await settled(either, upload), 422, "upload-incomplete")["lacking"] == [2, 3]
    await send(either, upload, 2, 3)
    assert (await settled(either, upload)).json()["state"] == "complete"


async def test_other_bytes_are_refused_and_may_be_sent_again_from_the_start(either: ApiFarm) -> None:
    upload = await begin(either)
    await send(either, upload, content=CONTENT[:-1] + b"!")
    problem = problem_of(await settled(either, upload), 422, "digest-mismatch")
    assert (problem["expected"], problem["remedy"] != "") == (DIGEST, True)
    assert (await read(either, upload))["state"] == "refused"
    assert (await either.http.head(f"/v1/blobs/{DIGEST}")).status_code == 404
    assert not await either.storage.has_blob(DIGEST)
    fresh = await begin(either)
    assert there(fresh) == []
    await send(either, fresh)
    assert (await settled(either, fresh)).json()["state"] == "complete"


async def test_a_dropped_upload_is_gone_with_its_parts(either: ApiFarm) -> None:
    upload = await begin(either)
    await send(either, upload, 1)
    assert (await either.http.delete(f"/v1/uploads/{upload['id']}")).status_code == 204
    problem_of(await either.http.get(f"/v1/uploads/{upload['id']}"), 404, "not-found")
    problem_of(await settled(either, upload), 404, "not-found")
    assert there(await begin(either)) == []


async def test_two_requests_at_once_begin_one_upload(farm: ApiFarm, tmp_path: Path) -> None:
    answers = await asyncio.gather(*(farm.http.post("/v1/uploads", json=NEW) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(list((tmp_path / "storage" / "uploads").iterdir())) == 1


async def test_an_upload_of_another_project_is_not_there_and_no_upload_of_mine(farm: ApiFarm) -> None:
    other = bearer(await farm.new_key("other"))
    theirs = (await farm.http.post("/v1/uploads", json=NEW, headers=other)).json()
    for answer in (
        await farm.http.get(f"/v1/uploads/{theirs['id']}"),
        await complete(farm, theirs),
        await farm.http.delete(f"/v1/uploads/{theirs['id']}"),
    ):
        problem_of(answer, 404, "not-found")
    assert (await begin(farm))["id"] != theirs["id"]


async def test_another_size_of_one_digest_is_a_conflict(farm: ApiFarm) -> None:
    upload = await begin(farm)
    answer = await farm.http.post("/v1/uploads", json={**NEW, "size_bytes": 5})
    assert problem_of(answer, 409, "conflict")["upload"] == upload["id"]


async def test_limits_of_size_number_and_quota_are_told_before_a_byte_is_sent(farm: ApiFarm) -> None:
    too_large = {"digest": DIGEST, "size_bytes": 12 * MIB + 1}
    problem_of(await farm.http.post("/v1/uploads", json=too_large), 413, "upload-too-large")
    assert (await farm.http.put("/v1/projects/default/quotas", json={"stored_bytes": 15 * MIB})).is_success
    await begin(farm)  # 10 MiB of the 15
    problem_of(await farm.http.post("/v1/uploads", json={**NEW, "digest": "0" * 64}), 409, "over-quota")
    await begin(farm, digest="1" * 64, size_bytes=1)
    await begin(farm, digest="2" * 64, size_bytes=1)
    answer = await farm.http.post("/v1/uploads", json={"digest": "3" * 64, "size_bytes": 1})
    assert problem_of(answer, 429, "too-many-at-once")["limit"] == 3


async def test_a_link_takes_its_part_alone_and_exactly_its_size(farm: ApiFarm) -> None:
    last = (await begin(farm))["parts"][2]
    problem_of(await put(farm, last["url"], bytes(1001)), 413, "upload-too-large")
    problem_of(await put(farm, last["url"], pieces(bytes(999))), 422, "upload-incomplete")
    problem_of(await put(farm, last["url"] + "x", bytes(1000)), 403, "link-invalid")
    assert (await put(farm, last["url"], bytes(1000))).status_code == 204


async def test_a_link_of_an_upload_that_was_dropped_takes_nothing(farm: ApiFarm, tmp_path: Path) -> None:
    upload = await begin(farm)
    await farm.http.delete(f"/v1/uploads/{upload['id']}")
    problem_of(await put(farm, upload["parts"][2]["url"], bytes(1000)), 404, "object-not-found")
    assert list((tmp_path / "storage" / "uploads").iterdir()) == []


async def test_while_another_process_verifies_it_nobody_else_does_or_drops_it(farm: ApiFarm) -> None:
    upload = await begin(farm)
    await send(farm, upload)
    async with farm.db.transaction() as tx:
        assert await lease_upload(tx, upload_id=UUID(upload["id"]), lease=timedelta(minutes=1))
    waiting = await complete(farm, upload)
    assert (waiting.status_code, waiting.json()["state"]) == (202, "verifying")
    problem_of(await farm.http.delete(f"/v1/uploads/{upload['id']}"), 409, "conflict")
    await farm.execute("update upload set verifying_until = now() - interval '1 second'")  # it died
    assert (await settled(farm, upload)).json()["state"] == "complete"


class TestPlacesToWaitIn:
    @pytest.fixture
    def api_settings(self, api_settings: ApiSettings) -> ApiSettings:
        return api_settings.model_copy(update={"max_waits_per_project": 1})

    async def test_where_none_is_left_the_verification_begins_and_the_answer_comes_at_once(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go = gated(monkeypatch, farm)
        upload = await begin(farm)
        await send(farm, upload)
        with farm.app.state.services.waits.take(farm.project_id):
            answer = await complete(farm, upload)
        assert (answer.status_code, answer.json()["state"]) == (202, "verifying")
        go.set()
        assert (await settled(farm, upload)).json()["state"] == "complete"


async def test_a_verification_that_lost_its_lease_ends_nothing_and_leaves_the_parts_to_the_next(
    farm: ApiFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = gated(monkeypatch, farm, DigestMismatch("Read too late."))
    upload = await begin(farm)
    await send(farm, upload)
    assert (await complete(farm, upload)).json()["state"] == "verifying"
    id = UUID(upload["id"])
    [(slow,)] = await rows_of(farm, "select verification from upload")
    await farm.execute("update upload set verifying_until = now() - interval '1 second'")  # it was held up
    async with farm.db.transaction() as tx:
        next_one = await lease_upload(tx, upload_id=id, lease=timedelta(minutes=1))
    assert next_one is not None
    async with farm.db.transaction() as tx:
        assert not await renew_verification(tx, upload_id=id, verification=slow, lease=timedelta(minutes=5))
        assert await renew_verification(tx, upload_id=id, verification=next_one, lease=timedelta(minutes=5))
    go.set()
    await farm.app.state.services.verifier.wait(id, patience=timedelta(seconds=60))
    assert (await read(farm, upload))["state"] == "verifying"
    assert [path.name for path in (tmp_path / "storage" / "uploads").iterdir()] == [upload["id"]]


async def test_two_uploads_at_once_do_not_pass_the_quota_together(
    farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await farm.http.put("/v1/projects/default/quotas", json={"stored_bytes": 15 * MIB})).is_success
    parts, both = farm.app.state.services.parts, asyncio.Barrier(2)
    begin_parts = parts.begin

    async def behind_both(*args: Any, **kwargs: Any) -> str:
        await both.wait()  # each has found room by now
        return str(await begin_parts(*args, **kwargs))

    monkeypatch.setattr(parts, "begin", behind_both)
    bodies = ({**NEW, "digest": str(number) * 64} for number in (1, 2))
    answers = await asyncio.gather(*(farm.http.post("/v1/uploads", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await farm.count("upload") == 1


async def test_a_blob_that_is_sent_again_counts_once(farm: ApiFarm) -> None:
    await farm.http.put(f"/v1/blobs/{DIGEST}", content=CONTENT)
    await farm.execute(
        "insert into storage_meter (project_id, day, stored_bytes, measured_at) "
        f"select id, current_date, {len(CONTENT)}, now() from project where slug = 'default'"
    )
    for _ in range(2):
        assert (await farm.http.put(f"/v1/blobs/{DIGEST}", content=CONTENT)).is_success
    used = (await farm.http.get("/v1/projects/default/quotas")).json()["used"]
    assert used["stored_bytes"] == len(CONTENT)


async def test_a_server_that_comes_back_knows_what_it_had(farm: ApiFarm, server: Server) -> None:
    upload = (await server.http.post("/v1/uploads", json=NEW)).json()
    assert (await server.http.put(upload["parts"][0]["url"], content=CONTENT[:PART])).status_code == 204
    await server.stop()
    assert there(await read(farm, upload)) == [1]


@pytest.mark.parametrize("end", ["over", "lost"])
async def test_one_that_has_ended_does_not_stand_in_the_way_of_the_next(
    farm: ApiFarm, tmp_path: Path, end: str
) -> None:
    upload = await begin(farm)
    await send(farm, upload, 3)
    if end == "over":
        await farm.execute("update upload set expires_at = now() - interval '1 second'")
    else:
        shutil.rmtree(tmp_path / "storage" / "uploads" / upload["id"])
    fresh = await begin(farm)
    assert there(fresh) == []
    await send(farm, fresh)
    assert (await settled(farm, fresh)).json()["state"] == "complete"
    assert list((tmp_path / "storage" / "uploads").iterdir()) == []


async def test_whoever_asks_twice_while_it_is_verified_waits_for_the_one_result(either: ApiFarm) -> None:
    upload = await begin(either)
    await send(either, upload)
    answers = await asyncio.gather(*(settled(either, upload) for _ in range(4)))
    assert {answer.json()["state"] for answer in answers} == {"complete"}


async def test_what_nobody_completed_ends_and_its_row_goes(farm: ApiFarm) -> None:
    upload = await begin(farm)
    await farm.execute("update upload set expires_at = now() - interval '1 second'")
    problem_of(await farm.http.get(f"/v1/uploads/{upload['id']}"), 404, "not-found")
    never = dict.fromkeys(Retention.__dataclass_fields__)
    await prune(farm.db, retention=Retention(**never), epoch=await farm._lead(), batches=1)
    assert await farm.count("upload") == 0
