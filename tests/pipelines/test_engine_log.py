"""An attempt's log is what the engine printed for that frame, and no more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from pipelines._process import LogFile
from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineCrashed, EngineError
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from tests.pipelines.conftest import StartEngine, blend

Frame = Callable[..., FrameRequest]
KEPT = 2000
"""Bytes of a frame's log in these tests; of a failure's twice as many."""


def test_what_was_printed_before_a_frame_is_not_in_its_log(tmp_path: Path) -> None:
    log = LogFile(folder=tmp_path, limit_bytes=1000)
    os.write(log.fd, b"frame one\n")
    begun = log.written
    os.write(log.fd, b"frame two\n")
    assert log.since(begun) == "frame two\n"
    assert log.text == "frame one\nframe two\n"
    log.close()
    assert log.since(begun) == "frame two\n"
    assert log.since(log.written) == ""


def test_the_place_survives_that_the_log_is_cut(tmp_path: Path) -> None:
    log = LogFile(folder=tmp_path, limit_bytes=100)
    os.write(log.fd, b"x" * 5000)
    log.trim()
    begun = log.written
    assert begun == 5000
    os.write(log.fd, b"the error\n")
    assert log.since(begun) == "the error\n"
    os.write(log.fd, b"y" * 5000)
    log.trim()
    assert log.since(begun) == "y" * 100
    log.close()


@pytest_asyncio.fixture
async def chatty(workdir: Path, fake_model: ModelFiles) -> AsyncIterator[EngineHost]:
    host = await EngineHost.start(
        pipeline=get_pipeline("fake"),
        workdir=workdir,
        models=(fake_model.root, Path(__file__).parents[1]),
        settings=EngineSettings(frame_log_bytes=KEPT, log_tail_bytes=2 * KEPT),
        engine_module="tests.pipelines.chatty_engine",
    )
    await host.load(fake_model)
    yield host
    await host.kill()


async def test_frames_that_follow_each_other_at_once_have_a_log_each(chatty: EngineHost, frame: Frame) -> None:
    outputs = await asyncio.gather(*(chatty.render(frame(number)) for number in range(1, 6)))
    assert [output.log for output in outputs] == [f"frame {n} begins\nframe {n} ends\n" for n in range(1, 6)]


async def test_the_log_of_a_frame_is_its_end_and_no_longer_than_set(chatty: EngineHost, frame: Frame) -> None:
    # More than the file of the log may grow to, so that it is emptied meanwhile.
    for noise in (KEPT, 100 * KEPT):
        output = await chatty.render(frame(1, noise=noise))
        assert len(output.log) == KEPT
        assert output.log.endswith("xxx" + "frame 1 ends\n")
    after = await chatty.render(frame(2))
    assert after.log == "frame 2 begins\nframe 2 ends\n"


async def test_a_log_that_was_cut_behind_the_last_word_of_a_frame_is_whole(chatty: EngineHost, frame: Frame) -> None:
    await chatty.render(frame(1))
    output = await chatty.render(frame(2, noise=100 * KEPT, until_cut=True))
    assert len(output.log) == KEPT
    assert output.log.endswith("xxx" + "frame 2 ends\n")
    with pytest.raises(EngineError, match="It refuses") as refused:
        await chatty.render(frame(3, noise=100 * KEPT, until_cut=True, end="refuse"))
    assert refused.value.log_tail.endswith("xxx" + "frame 3 ends\n")


async def test_a_frame_that_fails_says_what_was_printed_for_it_alone(chatty: EngineHost, frame: Frame) -> None:
    await chatty.render(frame(1))
    with pytest.raises(EngineError, match="It refuses") as refused:
        await chatty.render(frame(2, end="refuse"))
    assert refused.value.log_tail == "frame 2 begins\nframe 2 ends\n"
    with pytest.raises(EngineError, match="a bug") as raised:
        await chatty.render(frame(3, end="raise", noise=3 * KEPT))
    assert raised.value.log_tail.splitlines()[-1] == "RuntimeError: a bug"
    assert len(raised.value.log_tail) == 2 * KEPT


async def test_what_a_process_printed_before_it_died_is_found_behind_its_last_answer(
    chatty: EngineHost, frame: Frame
) -> None:
    await chatty.render(frame(1))
    mark = chatty.log_mark
    with pytest.raises(EngineCrashed):
        await chatty.render(frame(2, end="die"))
    assert chatty.log_since(mark) == "frame 2 begins\nframe 2 ends\n"


async def test_each_frame_of_cycles_has_what_blender_printed_for_it(
    start_engine: StartEngine, frame: Frame, scenes: Path
) -> None:
    host = await start_engine("cycles", blend(scenes, "plain"))
    outputs = await asyncio.gather(*(host.render(frame(number, samples=1)) for number in (3, 8)))
    for number, other, output in ((3, 8, outputs[0]), (8, 3, outputs[1])):
        assert f"{number:06d}.png" in output.log, output.log
        assert f"{other:06d}.png" not in output.log
