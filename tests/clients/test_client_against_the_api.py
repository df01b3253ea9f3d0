"""The client against the real API, database and storage; only the renderer is played by the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from db.dispatch import claim_tasks, finish_probe
from jobs.states import WorkKind
from rayfarm import Client, FarmRefused, MissingFiles
from rayfarm.cli import main
from tests.clients.conftest import QUICK, listening
from tests.serve_app.farm import ApiFarm

PROBE = {
    "frame_start": 1,
    "frame_end": 4,
    "frame_step": 1,
    "fps": 24.0,
    "cameras": ["Camera"],
    "active_camera": "Camera",
    "view_layers": ["ViewLayer"],
    "missing": [],
}


@pytest.fixture
def scene(tmp_path: Path, blend: Callable[[bytes], bytes]) -> Path:
    path = tmp_path / "show" / "scene.blend"
    path.parent.mkdir()
    path.write_bytes(blend(b"scene"))
    return path


@asynccontextmanager
async def probing(farm: ApiFarm, *needs: str) -> AsyncIterator[None]:
    """Plays the probe: a scene is ready once its manifest holds all of ``needs``."""

    async def probe_for_ever() -> None:
        while True:
            tasks = await claim_tasks(
                farm.db,
                kinds=[WorkKind.PROBE],
                limit=1,
                lease=timedelta(seconds=30),
                holder=uuid4(),
                epoch=await farm._lead(),
            )
            for task in tasks:
                model = (await farm.http.get(f"/v1/models/{task.model_id}")).json()
                there = {file["path"] for file in model["manifest"]["files"]}
                missing = [
                    {"raw": f"//{path}", "kind": "image", "owner": "Wood", "resolved": path, "found": False}
                    for path in needs
                    if path not in there
                ]
                await finish_probe(
                    farm.db,
                    work_id=task.work_id,
                    fence=task.fence,
                    model_state="incomplete" if missing else "ready",
                    probe={**PROBE, "missing": missing},
                    problem=None,
                )
            await asyncio.sleep(0.02)

    player = asyncio.create_task(probe_for_ever())
    try:
        yield
    finally:
        player.cancel()
        await asyncio.gather(player, return_exceptions=True)


async def rendered_by_us(farm: ApiFarm, *, frames: int) -> None:
    """Plays the renderer for the job that comes next, a frame at a time."""
    queued: list[Any] = []
    async with asyncio.timeout(20):
        while not queued:
            await asyncio.sleep(0.02)
            queued = (await farm.http.get("/v1/jobs?state=queued")).json()["items"]
    for _ in range(frames):
        await farm.render(queued[0]["id"], frames=1)


class TestRender:
    async def test_a_scene_becomes_frames_in_a_folder(
        self,
        farm: ApiFarm,
        port: int,
        scene: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (scene.parent / "wood.png").write_bytes(b"wood")
        words = ["render", str(scene), "--out", str(tmp_path / "out"), "--no-video", "--samples", "4"]
        options = ["--url", f"http://127.0.0.1:{port}", "--api-key", farm.key, "--json"]
        async with probing(farm, "wood.png"):
            code, _ = await asyncio.gather(asyncio.to_thread(main, [*words, *options]), rendered_by_us(farm, frames=4))
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert code == 0, lines
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{n:04}.png" for n in range(1, 5)]
        assert lines[-1]["result"] == "succeeded"
        assert lines[-1]["frames"] == {"total": 4, "committed": 4, "reused": 0, "failed": 0}
        job = (await farm.http.get(f"/v1/jobs/{lines[-1]['job']}")).json()
        assert job["spec"]["settings"] == {"samples": 4}
        assert job["spec"]["frames"] == "1-4"  # the scene's own range
        model = (await farm.http.get(f"/v1/models/{job['model']}")).json()
        assert [file["path"] for file in model["manifest"]["files"]] == ["scene.blend", "wood.png"]

    async def test_a_missing_texture_is_told_before_anything_is_submitted(
        self,
        farm: ApiFarm,
        port: int,
        scene: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        words = ["render", str(scene), "--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]
        async with probing(farm, "wood.png"):
            assert await asyncio.to_thread(main, words) == 2
        err = capsys.readouterr().err
        assert "//wood.png (image, used by Wood)" in err
        assert await farm.count("job") == 0

    async def test_a_detached_job_is_submitted_and_left(
        self,
        farm: ApiFarm,
        port: int,
        scene: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        words = ["render", str(scene), "--detach", "--frames", "2", "--priority", "interactive", "--name", "cover"]
        async with probing(farm):
            code = await asyncio.to_thread(
                main, [*words, "--url", f"http://127.0.0.1:{port}", "--api-key", farm.key, "--no-reuse"]
            )
        assert code == 0
        assert "rayfarm watch " in capsys.readouterr().out
        [job] = (await farm.http.get("/v1/jobs")).json()["items"]
        assert (job["name"], job["priority"], job["frames"]) == ("cover", "interactive", "2")
        detail = (await farm.http.get(f"/v1/jobs/{job['id']}")).json()
        assert detail["spec"]["reuse"] is False

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--set", "smaples=4"], "samples instead of smaples"),
            (["--percentage", "100000"], "settings.percentage"),
            (["--pipeline", "mystery"], "There is no pipeline 'mystery'"),
            (["--split", "borders:65"], "split.parts"),
        ],
    )
    async def test_what_the_pipeline_does_not_take_is_refused_before_a_byte_is_sent(
        self, farm: ApiFarm, port: int, scene: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
    ) -> None:
        words = ["render", str(scene), *options, "--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]
        assert await asyncio.to_thread(main, words) == 2
        assert said in capsys.readouterr().err
        assert await farm.count("blob") == 0


class TestRestart:
    async def test_a_watch_over_a_restart_of_the_api_misses_and_repeats_nothing(
        self,
        farm: ApiFarm,
        make_app: Callable[[], FastAPI],
    ) -> None:
        job = await farm.submit(frames="1-6")
        seen: list[str] = []
        first_seen = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watch(url: str) -> None:
            with Client(url, farm.key, settings=QUICK) as client:
                for found in client.watch(job["id"]):
                    seen.append(found.id)
                    if found.kind == "frames.committed":
                        loop.call_soon_threadsafe(first_seen.set)

        async with listening(make_app()) as port:
            watching = asyncio.create_task(asyncio.to_thread(watch, f"http://127.0.0.1:{port}"))
            await farm.render(job["id"], frames=2)
            await asyncio.wait_for(first_seen.wait(), 20)
        await farm.render(job["id"], frames=2)  # while no API listens
        async with listening(make_app(), port):
            await farm.render(job["id"], frames=2)
            await asyncio.wait_for(watching, 20)
        last = (await farm.http.get(f"/v1/jobs/{job['id']}")).json()["last_event"]
        assert seen == [str(number) for number in range(1, last + 1)]


class TestSdk:
    async def test_an_idempotent_submit_makes_one_job(self, farm: ApiFarm, port: int) -> None:
        model = await farm.model()

        def submit() -> list[str]:
            with Client(f"http://127.0.0.1:{port}", farm.key) as client:
                return [
                    client.submit(model, frames="1-2", pipeline="fake", idempotency_key="once").id for _ in range(2)
                ]

        first, second = await asyncio.to_thread(submit)
        assert first == second
        assert await farm.count("job") == 1

    async def test_artifacts_come_home_verified_and_a_second_download_is_free(
        self,
        farm: ApiFarm,
        port: int,
        tmp_path: Path,
    ) -> None:
        job = await farm.submit(frames="5-7")
        await farm.render(job["id"], frames=3)

        def fetch() -> list[list[str]]:
            outcomes: list[list[str]] = []
            with Client(f"http://127.0.0.1:{port}", farm.key) as client:
                for _ in range(2):
                    outcomes.append([])
                    client.download(job["id"], tmp_path, on_file=lambda _, how: outcomes[-1].append(how.value))
            return outcomes

        assert await asyncio.to_thread(fetch) == [["downloaded"] * 3, ["same"] * 3]
        assert (tmp_path / "0005.png").read_bytes() == b"picture 5 of %s" % UUID(job["id"]).hex.encode()

    async def test_canceled_jobs_failed_frames_and_workers_read_as_the_farm_tells_them(
        self,
        farm: ApiFarm,
        port: int,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        job = await farm.submit(frames="1-2", limits={"tries": 1})
        await farm.start(job["id"])
        replica_id, chunk = await farm.claim(job["id"], frames=1)
        await farm.fail(replica_id, chunk, chunk.ordinals[0])
        options = ["--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]
        for words in (
            ["logs", job["id"]],
            ["workers"],
            ["workers", "--history", str(replica_id)],
            ["disable", str(replica_id)],
            ["enable", str(replica_id)],
            ["disable", "n1", "--reason", "loud fan"],
            ["enable", "n1"],
            ["drain", "n1", "--within", "120"],
            ["cancel", job["id"]],
            ["show", job["id"]],
            ["jobs"],
            ["models"],
        ):
            assert await asyncio.to_thread(main, [*words, *options]) == 0, words
        out = capsys.readouterr().out
        assert "Error: no such material" in out
        assert str(replica_id) in out
        assert "is cancel" in out
        assert "engine_error" in out
        assert "n1 gets no new work." in out
        assert "n1 drains." in out

    async def test_a_wrong_key_is_refused_with_what_to_do(self, farm: ApiFarm, port: int) -> None:
        def ask() -> None:
            with Client(f"http://127.0.0.1:{port}", "rf_wrong_key") as client:
                list(client.jobs())

        with pytest.raises(FarmRefused) as caught:
            await asyncio.to_thread(ask)
        assert caught.value.status == 401

    async def test_missing_files_are_typed_for_programs(
        self,
        farm: ApiFarm,
        port: int,
        scene: Path,
    ) -> None:
        def register() -> None:
            with Client(f"http://127.0.0.1:{port}", farm.key) as client:
                client.register_model(scene)

        async with probing(farm, "wood.png"):
            with pytest.raises(MissingFiles) as caught:
                await asyncio.to_thread(register)
        assert [file.raw for file in caught.value.files] == ["//wood.png"]
