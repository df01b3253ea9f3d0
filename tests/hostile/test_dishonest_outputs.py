"""An engine that lies about its frame, or changes it after it was checked, loses that frame and harms nobody else."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster import committer
from db.queue import FrameCommit
from jobs.errors import InvalidInput
from jobs.states import EndReason, JobState
from pipelines.base import FrameOutput, FrameRequest, ModelFiles
from pipelines.errors import EngineCrashed, EngineError
from pipelines.fake.pipeline import FakePipeline
from pipelines.fake.png import gradient_png
from pipelines.film_sound import mix_sound
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from storage.base import ArtifactUpload, StoredObject
from tests.cluster.in_process import InProcessFarm

ENGINE = "tests.hostile.dishonest_engine"
WAIT_S = 60.0
TAKES_S = 0.3
HOUR_MS = 3_600_000
Render = Callable[..., Awaitable[FrameOutput]]


@pytest.fixture
def dishonest(farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch, patience: None) -> InProcessFarm:
    """A farm whose fake engine is the dishonest one. Landlock would only keep it from being imported."""
    monkeypatch.setattr(FakePipeline, "engine_module", ENGINE)
    farm.engine_settings = EngineSettings(confine_files=False)
    return farm


@pytest.fixture
async def render(tmp_path: Path) -> AsyncIterator[Render]:
    """One frame of an engine of its own: ``await render("fail", reason="interrupted")``."""
    hosts: list[EngineHost] = []

    async def run(act: str, **wishes: Any) -> FrameOutput:
        root = tmp_path / "model"
        root.mkdir()
        (root / "model.json").write_text(json.dumps({"1": {"act": act, **wishes}}))
        host = await EngineHost.start(
            pipeline=get_pipeline("fake"),
            workdir=tmp_path / "work",
            models=(root, Path(__file__).parents[1]),
            settings=EngineSettings(),
            engine_module=ENGINE,
        )
        hosts.append(host)
        await host.load(ModelFiles(digest="0" * 64, root=root, main="model.json"))
        return await host.render(FrameRequest(id="x", frame=1, settings={}, scratch=tmp_path / "work" / "frame"))

    yield run
    for host in hosts:
        await host.kill()


def let_it_swap(file: Path) -> None:
    """Where the engine waits to change this file: let it, and wait until it has."""
    for folder in file.parents[:2]:
        if (folder / "armed").exists():
            (folder / "go").touch()
            ends_at = time.monotonic() + WAIT_S
            while not (folder / "swapped").exists() and time.monotonic() < ends_at:
                time.sleep(0.005)


@pytest.fixture
def swapped_before_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    verify = committer.verify_picture

    def verify_late(path: Path, **options: Any) -> Any:
        let_it_swap(path)
        return verify(path, **options)

    monkeypatch.setattr(committer, "verify_picture", verify_late)


@pytest.fixture
def swapped_before_the_upload(dishonest: InProcessFarm, monkeypatch: pytest.MonkeyPatch) -> None:
    put = dishonest.storage.put_artifacts

    async def put_late(uploads: Sequence[ArtifactUpload], *, consume: bool = False) -> list[StoredObject]:
        for upload in uploads:
            await asyncio.to_thread(let_it_swap, upload.source)
        return await put(uploads, consume=consume)

    monkeypatch.setattr(dishonest.storage, "put_artifacts", put_late)


async def only_the_third_frame_fails(
    farm: InProcessFarm, act: str, *, outcome: EndReason = EndReason.BAD_OUTPUT, **wishes: Any
) -> str:
    """Of six; the replica goes on to render the next job. The message of the attempts."""
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(
        await farm.submit(frames="1-6", model=await farm.model(json.dumps({"3": {"act": act, **wishes}}).encode()))
    )
    assert (job.state, job.committed, job.failed) == (JobState.FAILED, 5, 1)
    tries = await farm.rows("select ordinal, outcome, message from attempt where outcome <> 'ok'")
    assert {(row.ordinal, row.outcome) for row in tries} == {(2, outcome)}
    after = await farm.ended(await farm.submit(frames="11-13", model=await farm.model(b"{}")))
    assert (after.state, after.committed) == (JobState.SUCCEEDED, 3)
    assert len(await farm.rows("select distinct replica_id from attempt")) == 1
    return str(tries[0].message)


class TestTheCommitter:
    @pytest.mark.usefixtures("swapped_before_the_check")
    async def test_a_picture_that_becomes_a_pipe_holds_nobody_up(self, dishonest: InProcessFarm) -> None:
        assert "regular file" in await only_the_third_frame_fails(dishonest, "become_a_pipe")

    @pytest.mark.usefixtures("swapped_before_the_upload")
    async def test_nor_does_an_extra_file(self, dishonest: InProcessFarm) -> None:
        assert "regular file" in await only_the_third_frame_fails(dishonest, "extra_becomes_a_pipe")

    async def test_a_commit_that_breaks_costs_the_frame_that_breaks_it(
        self, dishonest: InProcessFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever the database may refuse in one frame's figures."""
        commit = committer.commit_frames
        refused: list[int] = []

        async def refuse(database: Any, *, frames: Sequence[FrameCommit], **options: Any) -> Any:
            if not refused and any(frame.frame == 3 for frame in frames):
                refused.extend([3] if len(frames) == 1 else [])
                raise ValueError("out of range")
            return await commit(database, frames=frames, **options)

        monkeypatch.setattr(committer, "commit_frames", refuse)
        dishonest.start_dispatcher()
        dishonest.start_replica()
        job = await dishonest.ended(await dishonest.submit(frames="1-6", model=await dishonest.model(b"{}")))
        assert (job.state, job.committed) == (JobState.SUCCEEDED, 6)
        # The log of the fault takes a busy machine longer than a lease of these tests: what was under way is lost then.
        [attempt] = await dishonest.rows(
            "select ordinal, message from attempt where outcome = :reason", reason=str(EndReason.INFRA)
        )
        assert attempt.ordinal == 2
        assert "(ValueError); the worker's log says more" in attempt.message

    @pytest.mark.parametrize(
        ("content", "suffix"),
        [("GIF89a" + "x" * 40, ".gif"), ("%!PS-Adobe-3.0 EPSF-3.0", ".eps"), ("RIFF0000WEBP", ".webp")],
        ids=["gif", "eps", "webp"],
    )
    async def test_a_picture_of_another_format_reaches_no_decoder(
        self, dishonest: InProcessFarm, content: str, suffix: str
    ) -> None:
        words = await only_the_third_frame_fails(dishonest, "write", content=content, suffix=suffix)
        assert "the job asks for image/png, in a .png file" in words


class TestSecretsOfTheFarm:
    @pytest.mark.usefixtures("swapped_before_the_upload")
    async def test_a_folder_that_becomes_a_link_publishes_none_of_them(
        self, dishonest: InProcessFarm, tmp_path: Path
    ) -> None:
        home = tmp_path / "home"
        home.mkdir()
        (home / "password").write_text("hunter2")
        words = await only_the_third_frame_fails(dishonest, "swap_folder_of_extra", name="password", target=str(home))
        assert "symbolic link" in words
        assert not any("hunter2" in path.read_bytes().decode("latin-1") for path in files(tmp_path / "storage"))
        assert await dishonest.rows("select 1 from artifact where kind = 'extra'") == []

    @pytest.mark.usefixtures("swapped_before_the_check")
    async def test_nor_a_picture_of_another_project(self, dishonest: InProcessFarm, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        (other / "000003.png").write_bytes(gradient_png(width=8, height=8, frame=99, seed=9, samples=1))
        words = await only_the_third_frame_fails(dishonest, "swap_folder_of_picture", target=str(other))
        assert "symbolic link" in words


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class TestTheEndReason:
    @pytest.mark.parametrize("said", sorted(EndReason))
    async def test_an_engine_names_its_own_faults_alone(self, render: Render, said: str) -> None:
        own = {"engine_error", "out_of_memory", "model_invalid", "bad_output", "infra"}
        with pytest.raises(EngineError, match="Nobody is to blame") as caught:
            await render("fail", reason=said)
        assert caught.value.reason == (said if said in own else EndReason.ENGINE_ERROR)

    async def test_one_that_calls_itself_interrupted_spends_the_tries_of_its_frame(
        self, dishonest: InProcessFarm
    ) -> None:
        await only_the_third_frame_fails(dishonest, "fail", outcome=EndReason.ENGINE_ERROR, reason="interrupted")


class TestTheProtocol:
    @pytest.mark.parametrize(
        "fields",
        [
            '"timings_ms":{"render":1e999},"metrics":{}',
            '"timings_ms":{"render":NaN},"metrics":{}',
            '"timings_ms":{"render":-1},"metrics":{}',
            '"timings_ms":{"render":1e300},"metrics":{}',
            '"timings_ms":{},"metrics":{"samples":[{"deep":Infinity}]}',
            '"timings_ms":{},"metrics":{"text":"' + "x" * 300_000 + '"}',
            '"timings_ms":{' + ",".join(f'"t{number}":1' for number in range(100)) + '},"metrics":{}',
        ],
        ids=["infinite", "nan", "negative", "huge", "metric", "long", "many"],
    )
    async def test_figures_that_no_database_takes_end_the_engine(self, render: Render, fields: str) -> None:
        with pytest.raises(EngineCrashed, match="broke the protocol"):
            await render("report", fields=fields)

    async def test_sound_figures_pass_as_the_engines_word(self, render: Render) -> None:
        """No money hangs on them: see ``TestTheBill``."""
        output = await render("report", fields='"timings_ms":{"render":12.5},"metrics":{"samples":4}')
        assert (output.timings_ms, output.metrics["samples"]) == ({"render": 12.5}, 4)


class TestTheBill:
    async def test_an_engine_that_names_its_own_time_pays_what_it_took_all_the_same(
        self, dishonest: InProcessFarm
    ) -> None:
        """One frame says that it took no time, one that all of it went into writing, one an hour."""
        said = ({"render": 0}, {"render": 0, "write": 900_000}, {"render": HOUR_MS})
        wishes = {
            str(frame): {
                "act": "report",
                "fields": f'"timings_ms":{json.dumps(timings)},"metrics":{{}}',
                "takes_s": TAKES_S,
            }
            for frame, timings in enumerate(said, 1)
        }
        dishonest.start_dispatcher()
        dishonest.start_replica()
        model = await dishonest.model(json.dumps(wishes).encode())
        job_id = await dishonest.submit(model=model, frames="1-3")
        job = await dishonest.ended(job_id)
        assert job.state is JobState.SUCCEEDED
        rows = await dishonest.rows("select cpu_us + gpu_us as us from usage where job_id = :id", id=job_id)
        assert [TAKES_S * 1e6 <= row.us < HOUR_MS * 1000 for row in rows] == [True] * 3
        assert job.render_ms_sum == pytest.approx(sum(row.us for row in rows) / 1000, abs=0.01)
        shown = await dishonest.rows(
            "select result.render_ms, attempt.timings from frame_result as result"
            " join attempt on attempt.id = result.attempt_id where result.job_id = :id order by result.ordinal",
            id=job_id,
        )
        assert [row.timings["render"] for row in shown] == [0, 0, HOUR_MS]
        assert [row.render_ms for row in shown] == [0, 0, shown[2].timings["engine"]]


class TestSound:
    async def test_that_becomes_a_pipe_before_its_engine_is_gone_is_never_opened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root, sound = tmp_path / "model", tmp_path / "work" / "sound"
        root.mkdir()
        (root / "model.json").write_text(json.dumps({"1": {"act": "become_a_pipe"}}))
        kill = EngineHost.kill

        async def kill_late(host: EngineHost) -> None:
            (sound / "go").touch()
            async with asyncio.timeout(WAIT_S):
                while not (sound / "swapped").exists():
                    await asyncio.sleep(0.005)
            await kill(host)

        class Loud(FakePipeline):
            sound_module = ENGINE

        monkeypatch.setattr(EngineHost, "kill", kill_late)
        with pytest.raises(InvalidInput, match="sound cannot be read"):
            await mix_sound(
                ModelFiles(digest="0" * 64, root=root, main="model.json"),
                pipeline=Loud(),
                first=1,
                last=1,
                workdir=tmp_path / "work",
                settings=EngineSettings(confine_files=False),
            )
