"""`rayfarm sync`: against the real API, and against a farm whose connections break."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rayfarm import Client, DownloadCorrupt
from rayfarm.cli import main
from rayfarm.syncing import FolderSync
from tests.clients.conftest import QUICK
from tests.clients.scripted_farm import FarmServer, Request
from tests.serve_app.farm import ApiFarm, until

JOB = "0a7c3c52-1c4e-4b0a-9f4e-3c1f7d0f2a11"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Beside the farm's own storage."""
    return tmp_path / "synced"


def files_in(folder: Path) -> dict[str, bytes]:
    """Also hidden ones: what a watcher of the folder would meet."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestAgainstTheApi:
    async def test_a_folder_is_filled_frame_by_frame_until_the_job_is_over(
        self, farm: ApiFarm, port: int, folder: Path
    ) -> None:
        job = await farm.submit(name="sh 010", frames="1-4", outputs={"video": None, "naming": "{job}/f.{frame:03d}"})
        await farm.start(job["id"])
        replica, chunk = await farm.claim(job["id"], frames=4)
        await farm.commit(replica, chunk, 0)
        with Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK) as client:
            watching = asyncio.create_task(
                asyncio.to_thread(FolderSync(client=client, job=job["id"], folder=folder).watch)
            )
            await until(lambda: (folder / "sh 010" / "f.001.png").exists())
            assert not watching.done()
            await farm.commit(replica, chunk, 1)
            await until(lambda: (folder / "sh 010" / "f.002.png").exists())
            await farm.commit(replica, chunk, 2, 3)
            done = await asyncio.wait_for(watching, 30)
        assert sorted(files_in(folder)) == [f"sh 010/f.00{n}.png" for n in (1, 2, 3, 4)]
        assert (done.downloaded, done.gone) == (4, 0)

    async def test_what_is_there_is_kept_what_was_spoilt_is_replaced(
        self, farm: ApiFarm, port: int, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        job = await farm.submit(frames="1-3")
        await farm.render(job["id"], frames=3)
        call = ["sync", job["id"], str(folder), "--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]
        assert await asyncio.to_thread(main, call) == 0
        whole = files_in(folder)
        assert sorted(whole) == ["0001.png", "0002.png", "0003.png"]
        (folder / "0002.png").write_bytes(b"x" * len(whole["0002.png"]))
        (folder / "mine.txt").write_text("kept")
        capsys.readouterr()
        assert await asyncio.to_thread(main, call) == 0
        assert "1 files brought" in capsys.readouterr().out
        assert files_in(folder) == {**whole, "mine.txt": b"kept"}

    async def test_watching_a_job_that_fails_ends_with_its_code(self, farm: ApiFarm, port: int, folder: Path) -> None:
        job = await farm.submit(frames="1-2")
        assert (await farm.http.post(f"/v1/jobs/{job['id']}/cancel")).is_success
        call = ["sync", job["id"], str(folder), "--watch", "--url", f"http://127.0.0.1:{port}"]
        assert await asyncio.to_thread(main, [*call, "--api-key", farm.key]) == 1
        assert files_in(folder) == {}


def listed(server: FarmServer, *contents: bytes, **fields: Any) -> None:
    items = [
        {
            "id": f"0a7c3c52-1c4e-4b0a-9f4e-3c1f7d0f2a{n:02d}",
            "kind": "frame",
            "name": f"{n:04}.png",
            "path": f"{n:04}.png",
            "url": f"{server.url}/files/{n}",
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            **fields,
        }
        for n, content in enumerate(contents, 1)
    ]
    server.on("GET", f"/v1/jobs/{JOB}/artifacts", lambda request: request.json({"items": items, "next_cursor": None}))


class TestOverABadLine:
    @pytest.fixture(autouse=True)
    def whole_or_nothing(self, tmp_path: Path) -> Iterator[None]:
        yield
        for name, content in files_in(tmp_path).items():
            assert name.startswith(".") or content == b"picture", name

    def test_no_file_has_its_name_before_it_is_whole(
        self, client: Client, scripted: FarmServer, tmp_path: Path
    ) -> None:
        seen: list[dict[str, bytes]] = []

        def half(request: Request) -> None:
            request.bytes(b"pic", promised=7)

        def rest(request: Request) -> None:
            seen.append(files_in(tmp_path))
            request.bytes(b"ture", 206, Content_Range="bytes 3-6/7")

        listed(scripted, b"picture")
        scripted.in_turn("GET", "/files/1", half, rest)
        assert FolderSync(client=client, job=JOB, folder=tmp_path).once().downloaded == 1
        [between] = seen
        assert all(name.startswith(".") for name in between)
        assert between
        assert files_in(tmp_path) == {"0001.png": b"picture"}

    def test_bytes_of_another_digest_get_no_name(self, client: Client, scripted: FarmServer, tmp_path: Path) -> None:
        listed(scripted, b"picture")
        scripted.on("GET", "/files/1", lambda request: request.bytes(b"PICTURE"))
        with pytest.raises(DownloadCorrupt):
            FolderSync(client=client, job=JOB, folder=tmp_path).once()
        assert files_in(tmp_path) == {}

    def test_a_watch_that_breaks_in_an_unforeseen_way_is_no_success(
        self, client: Client, scripted: FarmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_job: object) -> Iterator[Any]:
            raise ValueError("no such event")

        listed(scripted, b"picture")
        monkeypatch.setattr(client, "watch", broken)
        with pytest.raises(ValueError, match="no such event"):
            FolderSync(client=client, job=JOB, folder=tmp_path).watch()

    def test_a_file_that_is_gone_holds_up_none_of_the_others(
        self, client: Client, scripted: FarmServer, tmp_path: Path
    ) -> None:
        listed(scripted, b"picture", b"picture")
        scripted.on("GET", "/files/1", lambda request: request.problem(404, "object-not-found", "gone"))
        scripted.on("GET", "/v1/artifacts/.*", lambda request: request.problem(404, "not-found", "gone"))
        scripted.on("GET", "/files/2", lambda request: request.bytes(b"picture"))
        done = FolderSync(client=client, job=JOB, folder=tmp_path).once()
        assert (done.downloaded, done.gone) == (1, 1)
        assert sorted(files_in(tmp_path)) == ["0002.png"]

    @pytest.mark.parametrize("path", ["../x.png", "/x.png", "a/../../x.png", "..\\x.png", "C:/x.png"])
    def test_a_farm_cannot_write_beside_the_folder(
        self, client: Client, scripted: FarmServer, tmp_path: Path, path: str
    ) -> None:
        listed(scripted, b"picture", path=path)
        scripted.on("GET", "/files/1", lambda request: request.bytes(b"picture"))
        folder = tmp_path / "in" / "here"
        with pytest.raises(Exception, match="would leave"):
            FolderSync(client=client, job=JOB, folder=folder).once()
        assert files_in(tmp_path) == {}
