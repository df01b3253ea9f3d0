"""The parent side, with real children of the fake pipeline."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image

from jobs.states import EndReason
from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineCrashed, EngineError, EngineKilled
from tests.pipelines.conftest import REPOSITORY, StartEngine

Frame = Callable[..., FrameRequest]


class TestRendering:
    async def test_a_frame_is_a_real_image_that_depends_on_frame_and_seed(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)
        outputs = [
            await host.render(frame(number, width=16, height=9, seed=seed)) for number, seed in ((1, 0), (2, 0), (1, 5))
        ]
        images = {Image.open(output.main).convert("RGB").tobytes() for output in outputs}
        assert len(images) == 3
        assert Image.open(outputs[0].main).size == (16, 9)

    async def test_pipelined_requests_keep_their_order(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)
        finished: list[int] = []

        async def one(number: int, cost_ms: float) -> None:
            await host.render(frame(number, render_ms=cost_ms))
            finished.append(number)

        await asyncio.gather(*(one(number, cost) for number, cost in ((1, 40), (2, 1), (3, 20), (4, 1))))
        assert finished == [1, 2, 3, 4]

    async def test_progress_reaches_the_caller_and_rises(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)
        heard: list[float] = []
        await host.render(frame(render_ms=400), lambda fraction, *_: heard.append(fraction))
        assert len(heard) >= 2
        assert heard == sorted(heard)

    async def test_a_failing_progress_callback_does_not_harm_the_frame(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)

        def fail(*_: object) -> None:
            raise RuntimeError("listener is broken")

        assert (await host.render(frame(render_ms=50), fail)).main.is_file()

    async def test_a_scratch_folder_outside_the_workdir_is_refused(
        self, start_engine: StartEngine, fake_model: ModelFiles, tmp_path: Path
    ) -> None:
        host = await start_engine("fake", fake_model)
        with pytest.raises(ValueError, match="must lie under"):
            await host.render(FrameRequest(id="x", frame=1, settings={}, scratch=tmp_path / "elsewhere"))


class TestFaults:
    async def test_a_failed_frame_leaves_the_engine_alive(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)
        with pytest.raises(EngineError) as failure:
            await host.render(frame(1, fail_frames=[1]))
        assert failure.value.reason is EndReason.ENGINE_ERROR
        with pytest.raises(EngineError) as failure:
            await host.render(frame(1, oom_frames=[1]))
        assert failure.value.reason is EndReason.OUT_OF_MEMORY
        assert (await host.render(frame(2, fail_frames=[1]))).main.is_file()

    async def test_a_cut_off_image_is_bad_output(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)
        with pytest.raises(EngineError) as failure:
            await host.render(frame(3, bad_output_frames=[3]))
        assert failure.value.reason is EndReason.BAD_OUTPUT

    async def test_a_crash_names_the_signal_and_the_last_words_and_spares_the_parent(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)
        waiting = asyncio.create_task(host.render(frame(2)))
        with pytest.raises(EngineCrashed) as crash:
            await host.render(frame(1, crash_frames=[1]))
        assert crash.value.signal == signal.SIGSEGV
        assert crash.value.reason is EndReason.ENGINE_CRASH
        assert "dies now" in crash.value.log_tail
        await asyncio.gather(waiting, return_exceptions=True)
        assert not host.alive
        assert not psutil.pid_exists(host.pid)
        with pytest.raises(EngineCrashed):
            await host.render(frame(3))

    async def test_both_outstanding_frames_end_when_the_engine_is_killed_from_outside(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)
        both = [asyncio.create_task(host.render(frame(number, hang_frames=[1]))) for number in (1, 2)]
        await asyncio.sleep(0)
        os.kill(host.pid, signal.SIGKILL)
        results = await asyncio.gather(*both, return_exceptions=True)
        assert [type(result) for result in results] == [EngineCrashed, EngineCrashed]
        assert results[0].signal == signal.SIGKILL  # type: ignore[union-attr]

    async def test_a_counted_crash_strikes_once_although_it_kills_its_counter(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        wish = {"crash_frames": [{"frame": 1, "times": 1}], "fault_key": uuid.uuid4().hex}
        first = await start_engine("fake", fake_model)
        with pytest.raises(EngineCrashed):
            await first.render(frame(1, **wish))
        second = await start_engine("fake", fake_model)
        assert (await second.render(frame(1, **wish))).main.is_file()

    async def test_an_invalid_model_is_refused_and_the_next_one_loads(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake")
        (fake_model.root / "bad.json").write_text('{"invalid": true}')
        with pytest.raises(EngineError) as failure:
            await host.load(ModelFiles(digest="1" * 64, root=fake_model.root, main="bad.json"))
        assert failure.value.reason is EndReason.MODEL_INVALID
        await host.load(fake_model)
        assert (await host.render(frame())).main.is_file()


class TestEnding:
    async def test_kill_ends_a_hung_frame_and_reaps_the_child(
        self, start_engine: StartEngine, fake_model: ModelFiles, frame: Frame
    ) -> None:
        host = await start_engine("fake", fake_model)
        hung = asyncio.create_task(host.render(frame(1, hang_frames=[1])))
        await asyncio.sleep(0)
        async with asyncio.timeout(1):  # the promise to whoever cancels a job
            await host.kill()
        with pytest.raises(EngineKilled):
            await hung
        assert not psutil.pid_exists(host.pid)
        await host.kill()

    async def test_a_load_that_takes_too_long_is_killed(
        self, start_engine: StartEngine, fake_model: ModelFiles
    ) -> None:
        host = await start_engine("fake", load_timeout=0.2)
        fake_model.main_path.write_text('{"load_ms": 60000}')
        with pytest.raises(EngineError) as failure:
            await host.load(fake_model)
        assert failure.value.reason is EndReason.TIMEOUT
        assert not psutil.pid_exists(host.pid)

    async def test_close_lets_the_child_go_and_leaves_no_files(
        self, start_engine: StartEngine, fake_model: ModelFiles, workdir: Path
    ) -> None:
        host = await start_engine("fake", fake_model)
        await host.close()
        assert not psutil.pid_exists(host.pid)
        assert list(workdir.iterdir()) == []

    async def test_an_engine_that_cannot_be_imported_says_so(self, workdir: Path) -> None:
        from pipelines.host import EngineHost
        from pipelines.registry import get_pipeline
        from pipelines.settings import EngineSettings

        with pytest.raises(EngineError, match="does not start") as failure:
            await EngineHost.start(
                pipeline=get_pipeline("fake"),
                workdir=workdir,
                models=(),
                settings=EngineSettings(),
                engine_module="no.such.engine",
            )
        assert failure.value.reason is EndReason.INFRA

    @pytest.mark.parametrize("stop_signal", [signal.SIGKILL, signal.SIGTERM])
    def test_the_end_of_the_parent_kills_the_child(
        self, stop_signal: signal.Signals, workdir: Path, fake_model: ModelFiles
    ) -> None:
        """Also in the middle of a frame, and also when the loop runs on another thread than the main one."""
        parent = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("hang_in_a_frame.py")), workdir, fake_model.root],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(stop_signal)
        parent.wait()
        parent.stdout.close()
        _, living = psutil.wait_procs([child], timeout=5)
        assert [process for process in living if process.status() != psutil.STATUS_ZOMBIE] == []
