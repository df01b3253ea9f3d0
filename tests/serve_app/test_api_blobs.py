"""Uploads: what is accepted is whole and true, and what is refused leaves nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster.loops.collector import Collector
from cluster.loops.settings import LoopSettings
from serve_app.settings import ApiSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, bearer, digest_of, pieces, problem_of, until


def stored_files(tmp_path: Path) -> list[Path]:
    """Of uploads, whole or not; the name that a farm leaves is none."""
    storage = tmp_path / "storage"
    return [path for path in storage.rglob("*") if path.is_file() and storage / "artifacts" not in path.parents]


async def walk(farm: ApiFarm) -> None:
    """The collector's, through all of storage and two days from now."""
    collector = Collector(
        database=farm.db,
        storage=farm.storage,
        settings=LoopSettings(),
        clock=lambda: datetime.now(UTC) + timedelta(days=2),
    )
    epoch = await farm._lead()
    await collector.tick(epoch)
    while collector.walks:
        await collector.tick(epoch)


class TestUpload:
    async def test_a_blob_is_stored_once_and_known_from_then_on(self, farm: ApiFarm) -> None:
        digest = digest_of(b"scene")
        assert (await farm.http.head(f"/v1/blobs/{digest}")).status_code == 404
        first = await farm.http.put(f"/v1/blobs/{digest}", content=b"scene")
        assert (first.status_code, first.json()) == (201, {"digest": digest, "size_bytes": 5})
        again = await farm.http.put(f"/v1/blobs/{digest}", content=b"scene")
        assert again.status_code == 200
        there = await farm.http.head(f"/v1/blobs/{digest}")
        assert (there.status_code, there.headers["content-length"]) == (200, "5")

    async def test_a_body_in_pieces_without_a_length_is_taken(self, farm: ApiFarm) -> None:
        digest = digest_of(b"one two three")
        answer = await farm.http.put(f"/v1/blobs/{digest}", content=pieces(b"one ", b"two ", b"three"))
        assert answer.json() == {"digest": digest, "size_bytes": 13}

    async def test_an_empty_file_is_a_blob_too(self, farm: ApiFarm) -> None:
        assert (await farm.http.put(f"/v1/blobs/{digest_of(b'')}", content=b"")).status_code == 201

    async def test_bytes_that_do_not_match_their_digest_leave_nothing(self, farm: ApiFarm, tmp_path: Path) -> None:
        answer = await farm.http.put(f"/v1/blobs/{digest_of(b'scene')}", content=b"other")
        problem = problem_of(answer, 422, "digest-mismatch")
        assert problem["actual"] == digest_of(b"other")
        assert problem["remedy"]
        assert stored_files(tmp_path) == []
        assert await farm.count("blob") == 0

    @pytest.mark.parametrize("announced", [True, False])
    async def test_a_blob_over_the_limit_is_refused(self, farm: ApiFarm, tmp_path: Path, announced: bool) -> None:
        content = bytes(4 * 2**20 + 1)
        body = content if announced else pieces(content[: 2**21], content[2**21 :])
        answer = await farm.http.put(f"/v1/blobs/{digest_of(content)}", content=body)
        assert problem_of(answer, 413, "upload-too-large")["limit_bytes"] == 4 * 2**20
        assert stored_files(tmp_path) == []

    async def test_a_blob_over_the_limit_of_json_is_taken(self, farm: ApiFarm, api_settings: ApiSettings) -> None:
        content = bytes(api_settings.max_json_bytes + 1)
        assert (await farm.http.put(f"/v1/blobs/{digest_of(content)}", content=content)).status_code == 201

    async def test_a_name_that_is_no_digest_is_refused(self, farm: ApiFarm) -> None:
        for name in ("abc", "A" * 64, "0" * 63 + "/", "..%2F..%2Fetc%2Fpasswd"):
            answer = await farm.http.put(f"/v1/blobs/{name}", content=b"x")
            assert answer.status_code in (404, 422), name
            assert answer.headers["content-type"] == "application/problem+json", name

    @pytest.mark.parametrize("chunked", [False, True])
    async def test_an_upload_that_is_cut_off_leaves_nothing(
        self, farm: ApiFarm, server: Server, tmp_path: Path, chunked: bool
    ) -> None:
        content = bytes(2 * 2**20)
        digest = digest_of(content)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(content)}"
        lines = (f"PUT /v1/blobs/{digest} HTTP/1.1", "Host: x", f"Authorization: Bearer {farm.key}", framing, "", "")
        writer.write("\r\n".join(lines).encode())
        half = content[: 2**20 + 7]
        writer.write(b"%x\r\n%s\r\n" % (len(half), half) if chunked else half)
        await writer.drain()
        await until(lambda: bool(stored_files(tmp_path)))  # the first part has reached the disk
        writer.transport.abort()
        await until(lambda: not stored_files(tmp_path))
        assert (await server.http.head(f"/v1/blobs/{digest}")).status_code == 404
        assert await farm.count("blob") == 0
        with contextlib.suppress(ConnectionError):
            await reader.read()


class TestSilence:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings.model_validate({"body_idle_timeout": "PT0.1S"})

    async def test_an_upload_that_says_nothing_for_too_long_is_given_up(self, farm: ApiFarm, tmp_path: Path) -> None:
        never = asyncio.Event()

        async def stalled() -> AsyncIterator[bytes]:
            yield b"be"
            await never.wait()

        answer = await farm.http.put(f"/v1/blobs/{digest_of(b'begun')}", content=stalled())
        problem_of(answer, 408, "request-stalled")
        assert stored_files(tmp_path) == []


class TestLacking:
    async def test_it_names_what_is_to_be_uploaded_in_the_order_of_the_question(self, farm: ApiFarm) -> None:
        there = await farm.upload(b"there")
        one, two = digest_of(b"one"), digest_of(b"two")
        answer = await farm.http.post("/v1/blobs/lacking", json={"digests": [two, there, one, two]})
        assert answer.json()["lacking"] == [two, one]

    async def test_a_blob_that_storage_lost_is_lacking_again(self, farm: ApiFarm, tmp_path: Path) -> None:
        digest = await farm.upload(b"lost")
        [path] = [path for path in stored_files(tmp_path) if path.name == digest]
        path.unlink()
        answer = await farm.http.post("/v1/blobs/lacking", json={"digests": [digest]})
        assert answer.json()["lacking"] == [digest]

    async def test_too_long_a_question_is_refused(self, farm: ApiFarm) -> None:
        digests = [digest_of(bytes([number])) for number in range(51)]
        answer = await farm.http.post("/v1/blobs/lacking", json={"digests": digests})
        assert problem_of(answer, 413, "too-large")["limit"] == 50

    async def test_what_is_no_digest_is_named(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/blobs/lacking", json={"digests": ["0" * 64, "x"]})
        assert problem_of(answer, 422, "invalid-input")["field"] == "digests.1"


class TestQuotaOfStorage:
    QUOTA = 100_000
    PART = 90_000

    @pytest.fixture
    async def film(self, farm: ApiFarm) -> dict[str, str]:
        key = bearer(await farm.new_key("film"))
        await farm.http.put("/v1/projects/film/quotas", json={"stored_bytes": self.QUOTA})
        return key

    @staticmethod
    async def stored(farm: ApiFarm, key: dict[str, str]) -> int:
        return int((await farm.http.get("/v1/projects/film/quotas", headers=key)).json()["used"]["stored_bytes"])

    async def test_what_comes_in_parts_counts_beside_what_came_whole_meanwhile(
        self, farm: ApiFarm, film: dict[str, str]
    ) -> None:
        first, second = b"a" * self.PART, b"b" * self.PART
        wanted = {"digest": digest_of(first), "size_bytes": self.PART}
        upload = (await farm.http.post("/v1/uploads", json=wanted, headers=film)).json()
        assert (await farm.http.put(f"/v1/blobs/{digest_of(second)}", content=second, headers=film)).status_code == 201
        for part in upload["parts"]:
            await farm.http.put(part["url"], content=first, headers={"Authorization": ""})
        ended = await farm.http.post(f"/v1/uploads/{upload['id']}:complete", headers={**film, "Prefer": "wait=10"})
        assert "quota" in ended.text
        assert await self.stored(farm, film) == self.PART

    async def test_uploads_side_by_side_share_it(self, farm: ApiFarm, film: dict[str, str]) -> None:
        arrived = asyncio.Barrier(6)

        async def put(letter: bytes) -> int:
            content = letter * self.PART

            async def together() -> AsyncIterator[bytes]:
                yield content[:1]
                await arrived.wait()  # behind the first look at the quota
                yield content[1:]

            headers = {**film, "Content-Length": str(self.PART)}
            answer = await farm.http.put(f"/v1/blobs/{digest_of(content)}", content=together(), headers=headers)
            return answer.status_code

        answers = await asyncio.gather(*(put(letter) for letter in (b"a", b"b", b"c", b"d", b"e", b"f")))
        assert sorted(answers) == [201, 409, 409, 409, 409, 409]
        assert await self.stored(farm, film) == self.PART

    async def test_a_body_without_a_length_ends_where_the_room_does(
        self, farm: ApiFarm, film: dict[str, str], tmp_path: Path
    ) -> None:
        content, sent = bytes(3 * 2**20), 0

        async def without_a_length() -> AsyncIterator[bytes]:
            nonlocal sent
            for start in range(0, len(content), 10_000):
                yield content[start : start + 10_000]
                sent += 10_000

        address = f"/v1/blobs/{digest_of(content)}"
        problem = problem_of(await farm.http.put(address, content=without_a_length(), headers=film), 409, "over-quota")
        assert (problem["quota"], problem["limit"]) == ("stored_bytes", self.QUOTA)
        assert sent <= self.QUOTA + 10_000
        assert stored_files(tmp_path) == []
        fits = b"x" * self.QUOTA
        answer = await farm.http.put(f"/v1/blobs/{digest_of(fits)}", content=pieces(fits), headers=film)
        assert answer.status_code == 201

    async def test_what_was_refused_behind_its_bytes_does_not_stay_in_storage(
        self, farm: ApiFarm, film: dict[str, str], tmp_path: Path
    ) -> None:
        await self.test_uploads_side_by_side_share_it(farm, film)
        assert len(stored_files(tmp_path)) == 6
        await walk(farm)
        [file] = stored_files(tmp_path)
        assert (await farm.http.head(f"/v1/blobs/{file.name}", headers=film)).status_code == 200

    async def test_bytes_that_are_removed_while_they_are_sent_again_are_asked_for_once_more(
        self, farm: ApiFarm
    ) -> None:
        """The upload leaves out what is there, and the collector takes it for what a refusal left."""
        content = b"one two"
        digest = digest_of(content)
        await farm.storage.put_blob(digest, pieces(content))

        async def slowly() -> AsyncIterator[bytes]:
            yield b"one "
            await walk(farm)
            assert not await farm.storage.has_blob(digest)
            yield b"two"

        problem = problem_of(await farm.http.put(f"/v1/blobs/{digest}", content=slowly()), 503, "unavailable")
        assert problem["remedy"] == "Upload it again."
        assert await farm.upload(content) == digest
        await walk(farm)
        assert await farm.storage.has_blob(digest)

    async def test_what_the_project_has_may_be_sent_again(self, farm: ApiFarm, film: dict[str, str]) -> None:
        content = b"a" * self.PART
        for status in (201, 200):
            answer = await farm.http.put(f"/v1/blobs/{digest_of(content)}", content=content, headers=film)
            assert answer.status_code == status
