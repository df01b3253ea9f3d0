"""Video memory of engines: whose it is, how often the driver is asked, what is shown of it, and what it may cost."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.states import EndReason
from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineCrashed
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from pipelines.video_memory import NvmlReader, VideoMemory, open_video_memory
from tests.pipelines.cards import Cards

MIB = 2**20
NOT_MINE = 2**22 + 1
"""Above the largest process id of Linux."""


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """Ids of a process and of its child."""
    script = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    yield parent.pid, child
    os.kill(child, 9)
    parent.wait()
    parent.stdout.close()


class TestAccounting:
    def test_what_a_process_holds_is_its_own_and_that_of_all_below_it(self, family: tuple[int, int]) -> None:
        parent, child = family
        video = VideoMemory(Cards({parent: 5 * MIB, child: 7 * MIB, NOT_MINE: 100 * MIB}))
        assert video.held_by(parent) == 0, "nobody has looked"
        video.look()
        assert video.held_by(parent) == 12 * MIB
        assert video.held_by(child) == 7 * MIB
        assert video.held_by(os.getpid()) == 12 * MIB, "the parent is a child of this test"

    def test_one_look_serves_all_who_ask_soon_after(self) -> None:
        now, cards = [0.0], Cards({os.getpid(): MIB})
        video = VideoMemory(cards, clock=lambda: now[0])
        for moment in (0.0, 0.1, 0.2, 0.3, 0.4):
            now[0] = moment
            video.look(max_age_s=0.25)
        assert cards.asked == 2
        video.look(max_age_s=0)
        assert cards.asked == 3

    def test_a_driver_that_names_processes_of_another_namespace_is_said_once_and_charges_nobody(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        video = VideoMemory(Cards({NOT_MINE: 100 * MIB}))
        with caplog.at_level(logging.WARNING):
            video.look(0)
            video.look(0)
        assert [record.action for record in caplog.records] == ["video_memory_unknown"]  # type: ignore[attr-defined]
        assert video.held_by(os.getpid()) == 0


@dataclass
class Driver:
    """The calls of NVML that are used, over cards that are dictionaries; named as in its documentation."""

    cards: list[dict[str, Any]]
    NVMLError: type[Exception] = field(default=type("NVMLError", (Exception,), {}))

    NVML_MEMORY_ERROR_TYPE_UNCORRECTED: str = "uncorrected"
    NVML_VOLATILE_ECC: str = "volatile"

    def nvmlDeviceGetTotalEccErrors(self, card: dict[str, Any], kind: str, counter: str) -> int:
        if "errors" not in card:
            raise self.NVMLError("not supported")
        return int(card["errors"][kind, counter])

    def nvmlDeviceGetMemoryInfo(self, card: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(total=card["total"])

    def nvmlDeviceGetComputeRunningProcesses(self, card: dict[str, Any]) -> list[SimpleNamespace]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in card["compute"]]

    def nvmlDeviceGetGraphicsRunningProcesses(self, card: dict[str, Any]) -> list[SimpleNamespace]:
        if "graphics" not in card:
            raise self.NVMLError("not supported")
        return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in card["graphics"]]


class TestNvml:
    def test_cards_add_up_and_a_process_that_computes_and_draws_counts_once_on_each(self) -> None:
        first = {"total": 80, "compute": [(1, 10), (2, 20)], "graphics": [(1, 10), (3, 1)]}
        second = {"total": 20, "compute": [(1, 4), (4, None)]}  # None: the driver does not say
        driver = Driver([first, second])
        reader = NvmlReader(driver, driver.cards)
        assert reader.total_bytes() == 100
        assert reader.held_by_process() == {1: 14, 2: 20, 3: 1, 4: 0}

    def test_errors_of_the_cards_that_count_them_add_up(self) -> None:
        counts = {("uncorrected", "volatile"): 3}
        driver = Driver([{"errors": counts}, {}, {"errors": counts}])
        assert NvmlReader(driver, driver.cards).uncorrected_errors() == 6
        assert NvmlReader(driver, [{}]).uncorrected_errors() is None

    @pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a card")
    def test_where_there_is_no_card_there_is_nothing(self) -> None:
        assert open_video_memory() is None


@pytest.fixture
async def engine(workdir: Path, fake_model: ModelFiles) -> Any:
    started: list[EngineHost] = []

    async def start(cards: Cards, **settings: Any) -> EngineHost:
        host = await EngineHost.start(
            pipeline=get_pipeline("fake"),
            workdir=workdir,
            models=(fake_model.root,),
            settings=EngineSettings(**settings),
            video=VideoMemory(cards),
        )
        started.append(host)
        await host.load(fake_model)
        return host

    yield start
    for host in started:
        await host.kill()


class TestEngines:
    async def test_a_frames_peak_is_the_most_that_was_seen_while_it_rendered(
        self, engine: Any, frame: Callable[..., FrameRequest]
    ) -> None:
        cards = Cards()
        host = await engine(cards)
        spoken: list[float] = []
        cards.held[host.pid] = 300 * MIB
        long = asyncio.create_task(host.render(frame(1, render_ms=1500), lambda done, *_: spoken.append(done)))
        await until(lambda: host.video_bytes() == 300 * MIB)
        cards.held[host.pid] = 200 * MIB
        await until(lambda: host.video_bytes() == 200 * MIB)
        assert (await long).metrics["peak_vram_bytes"] == 300 * MIB
        assert spoken, "it rendered meanwhile"
        assert (await host.render(frame(2))).metrics["peak_vram_bytes"] == 200 * MIB

    async def test_a_frame_of_an_engine_that_no_card_knows_has_no_such_figure(
        self, engine: Any, frame: Callable[..., FrameRequest]
    ) -> None:
        host = await engine(Cards({NOT_MINE: 100 * MIB}))
        assert "peak_vram_bytes" not in (await host.render(frame(1))).metrics

    async def test_one_that_takes_too_much_is_ended_and_the_figure_is_told(
        self, engine: Any, frame: Callable[..., FrameRequest]
    ) -> None:
        cards = Cards()
        host = await engine(cards, vram_bytes="250MiB")
        cards.held[host.pid] = 300 * MIB
        with pytest.raises(EngineCrashed, match="held 300 MiB of video memory; it may hold 250 MiB") as caught:
            await host.render(frame(1, render_ms=60_000))
        assert caught.value.reason is EndReason.OUT_OF_MEMORY
        assert "RAYFARM_ENGINE_VRAM_BYTES" in str(caught.value)


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
