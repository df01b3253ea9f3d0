"""A job's files as one ZIP: whole, in bounded memory, with safe names, and for whoever has the link alone."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from serve_app.archive import service
from serve_app.archive.links import ArchiveLinks, LinkedArchive
from serve_app.archive.stream import Archive, ArchivedFile, ArchiveResponse
from serve_app.settings import ApiSettings
from storage.base import ObjectNotFound, Storage
from storage.local import LocalStorage
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, beside_the_loop, problem_of

NO_KEY = {"Authorization": ""}


async def rendered(farm: ApiFarm, **fields: Any) -> Any:
    job = await farm.submit(**fields)
    await farm.render(job["id"], frames=job["counts"]["total"])
    return job


def names_in(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        return sorted(archive.namelist())


class TestArchive:
    async def test_all_frames_come_in_one_zip_of_the_announced_length(self, farm: ApiFarm) -> None:
        job = await rendered(farm, name='shot "ü"', frames="1-5")
        answer = await farm.http.get(f"/v1/jobs/{job['id']}/archive")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-length"] == str(len(answer.content))
        assert "filename*=UTF-8''shot%20_%C3%BC_.zip" in answer.headers["content-disposition"]
        assert names_in(answer.content) == [f"000{n}.png" for n in range(1, 6)]
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.read("0003.png") == b"picture 3 of %s" % UUID(job["id"]).hex.encode()

    async def test_the_files_in_it_are_bytes_that_were_sent(self, farm: ApiFarm) -> None:
        job = await rendered(farm, frames="1-5")
        answer = await farm.http.get(f"/v1/jobs/{job['id']}/archive")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            size = sum(info.file_size for info in archive.infolist())
        await farm.app.state.services.sent_bytes.book()
        assert size > 0
        assert await farm.count(f"storage_meter where bytes_sent = {size}") == 1

    async def test_its_table_of_files_is_made_beside_the_event_loop(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = await rendered(farm, frames="1-2")
        held = beside_the_loop(monkeypatch, service, "Archive")
        assert (await farm.http.get(f"/v1/jobs/{job['id']}/archive")).status_code == 200
        assert held == [False]

    async def test_hostile_names_of_jobs_and_cameras_lead_nowhere(self, farm: ApiFarm) -> None:
        model = await farm.model(probe={"active_camera": "..\\..\\boot.ini", "view_layers": ["/etc"]})
        job = await rendered(
            farm,
            model=model,
            name="../../../root/.ssh",
            frames="1-2",
            outputs={"video": None, "naming": "{job}/{camera}/{layer}.{frame:04d}"},
        )
        names = names_in((await farm.http.get(f"/v1/jobs/{job['id']}/archive")).content)
        assert names == [f"_._.._.._root_.ssh/_._.._boot.ini/_etc.000{n}.png" for n in (1, 2)]

    async def test_of_a_frame_that_was_rendered_again_only_the_newest_picture_is_in(self, farm: ApiFarm) -> None:
        job = await rendered(farm, frames="1-2")
        action = {"action": "requeue", "frames": "2"}
        assert (await farm.http.post(f"/v1/jobs/{job['id']}/frames/actions", json=action)).is_success
        await farm.render(job["id"], frames=1)
        assert await farm.count("artifact") == 3
        names = names_in((await farm.http.get(f"/v1/jobs/{job['id']}/archive")).content)
        assert names == ["0001.png", "0002.png"]

    async def test_kinds_are_chosen_and_a_job_without_files_has_an_empty_archive(self, farm: ApiFarm) -> None:
        job = await rendered(farm, frames="1")
        answer = await farm.http.get(f"/v1/jobs/{job['id']}/archive", params={"kind": "video"})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.namelist() == []
        problem_of(await farm.http.get(f"/v1/jobs/{job['id']}/archive", params={"kind": "x"}), 422, "invalid-input")

    async def test_a_job_of_another_project_is_not_there(self, farm: ApiFarm) -> None:
        job = await rendered(farm, frames="1")
        other = {"Authorization": f"Bearer {await farm.new_key('other')}"}
        for path in ("archive", "archive/link"):
            problem_of(await farm.http.get(f"/v1/jobs/{job['id']}/{path}", headers=other), 404, "not-found")


class TestLimit:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings(max_archive_files=2)

    async def test_more_files_than_an_archive_may_hold_are_refused(self, farm: ApiFarm) -> None:
        job = await rendered(farm, frames="1-3")
        problem = problem_of(await farm.http.get(f"/v1/jobs/{job['id']}/archive"), 413, "too-large")
        assert problem["limit"] == 2


class TestLink:
    async def test_a_link_needs_no_key_and_serves_that_job_alone(self, farm: ApiFarm) -> None:
        job = await rendered(farm, frames="1-2")
        link = (await farm.http.get(f"/v1/jobs/{job['id']}/archive/link")).json()
        assert datetime.fromisoformat(link["expires_at"]) > datetime.now(UTC)
        answer = await farm.http.get(link["url"], headers=NO_KEY)
        assert names_in(answer.content) == ["0001.png", "0002.png"]

    async def test_a_link_that_was_tampered_with_or_whose_time_is_over_opens_nothing(self, farm: ApiFarm) -> None:
        job = await rendered(farm, frames="1")
        url = (await farm.http.get(f"/v1/jobs/{job['id']}/archive/link")).json()["url"]
        head, body, mac = url.rsplit("/", 1)[1].split(".")
        for token in (f"{head}.{body}.{mac[:-6]}aaaaaa", "x", f"{head}.{body}.", "a.b.c", "e" * 5000):
            problem_of(await farm.http.get(f"/v1/archives/{token}", headers=NO_KEY), 403, "link-invalid")
        links: ArchiveLinks = farm.app.state.services.archive_links
        archive = LinkedArchive(project_id=farm.project_id, job_id=UUID(job["id"]), kinds=("frame",))
        old, _ = links.issue(archive, now=datetime.now(UTC) - links.lifetime - timedelta(minutes=1))
        problem_of(await farm.http.get(f"/v1/archives/{old}", headers=NO_KEY), 403, "link-expired")

    def test_a_token_of_another_use_or_without_signature_is_no_link(self) -> None:
        key = "k" * 40
        links = ArchiveLinks(keys=[key], lifetime=timedelta(hours=1))
        claims = {"project": str(uuid4()), "job": str(uuid4()), "kinds": ["frame"], "exp": 2**33}
        unsigned = jwt.encode(claims, None, algorithm="none", headers={"typ": "archive+jwt"})
        by_the_login_key = jwt.encode(claims, key, algorithm="HS256", headers={"typ": "archive+jwt"})
        for token in (unsigned, by_the_login_key):
            with pytest.raises(Exception, match="not signed by this farm"):
                links.read(token)

    def test_a_link_outlives_the_change_of_its_key_while_the_old_one_is_kept(self) -> None:
        archive = LinkedArchive(project_id=uuid4(), job_id=uuid4(), kinds=("frame", "video"))
        token, _ = ArchiveLinks(keys=["a" * 40], lifetime=timedelta(hours=1)).issue(archive)
        assert ArchiveLinks(keys=["b" * 40, "a" * 40], lifetime=timedelta(hours=1)).read(token) == archive


class Endless(LocalStorage):
    """Counts what is read of it."""

    def __init__(self) -> None:
        self.read = 0
        self.closed = False

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        if key == "gone":
            raise ObjectNotFound
        try:
            for _ in range(3 * 1024):
                self.read += 2**20
                yield bytes(2**20)
        finally:
            self.closed = True


SCOPE = {"type": "http", "asgi": {"spec_version": "2.4"}, "extensions": {}}


def response_of(storage: Storage, *, stall: timedelta) -> ArchiveResponse:
    archive = Archive([ArchivedFile(path="a", storage_key="k", size_bytes=3 * 2**30)])
    return ArchiveResponse(archive=archive, read=storage.stream, headers={}, stall=stall)


async def nothing_more() -> Any:
    raise AssertionError("nothing more comes")


class TestStream:
    async def test_a_frame_beyond_four_gigabytes_makes_a_zip64_of_the_length_that_was_announced(self) -> None:
        """Two files of 3 GiB: the second begins beyond what 32 bits can say, its place stands in 64."""
        files = [ArchivedFile(path=f"{n}.exr", storage_key="k", size_bytes=3 * 2**30) for n in (1, 2)]
        archive = Archive(files)
        length, tail, largest = 0, b"", 0
        async for piece in archive.stream(Endless().stream):
            length += len(piece)
            largest = max(largest, len(piece))
            tail = (tail + piece)[-4096:]
        assert length == archive.size_bytes > 2**32
        assert largest <= 2**20
        assert b"PK\x06\x06" in tail

    async def test_a_file_that_is_gone_or_of_another_size_cuts_the_download(self) -> None:
        for key, size in (("gone", 5), ("k", 5)):
            archive = Archive([ArchivedFile(path="a", storage_key=key, size_bytes=size)])
            with pytest.raises((ObjectNotFound, RuntimeError)):
                async for _ in archive.stream(Endless().stream):
                    pass

    async def test_a_client_that_leaves_ends_the_reading(self) -> None:
        storage = Endless()
        response = response_of(storage, stall=timedelta(minutes=1))
        sent = 0

        async def send(message: Any) -> None:
            nonlocal sent
            sent += len(message.get("body", b""))
            if sent > 4 * 2**20:
                raise OSError("gone")

        with pytest.raises(Exception):  # noqa: B017, PT011 - what the server does with it is its own
            await response(SCOPE, nothing_more, send)
        assert storage.closed
        assert storage.read < 16 * 2**20

    async def test_a_client_that_takes_nothing_is_cut_off(self) -> None:
        response = response_of(Endless(), stall=timedelta(milliseconds=10))

        async def send(message: Any) -> None:
            await asyncio.Event().wait()

        with pytest.raises(Exception):  # noqa: B017, PT011 - what the server does with it is its own
            async with asyncio.timeout(60):
                await response(SCOPE, nothing_more, send)

    async def test_an_archive_comes_over_a_real_connection(self, farm: ApiFarm, server: Server) -> None:
        job = await rendered(farm, frames="1-20")
        answer = await server.http.get(f"/v1/jobs/{job['id']}/archive")
        assert len(names_in(answer.content)) == 20
