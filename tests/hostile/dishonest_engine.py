"""An engine that hands over a frame and goes on: its model says per frame what it does, once the test lets it.

``{"3": {"act": "swap", …}}`` in the model's main file. What it does behind the farm's back waits for the file ``go`` in
the frame's folder (of which ``armed`` says that it is wanted), and says by the file ``swapped`` that it is done.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.errors import EngineError
from pipelines.fake.png import gradient_png

WAIT_S = 60.0
_LOOK_EVERY_S = 0.005


class DishonestEngine:
    def load(self, model: ModelFiles) -> LoadReport:
        self._acts: Mapping[str, Any] = json.loads(model.main_path.read_text())
        return LoadReport(seconds=0)

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        folder = request.scratch / "out"
        folder.mkdir()
        picture = folder / f"{request.frame:06d}.png"
        picture.write_bytes(gradient_png(width=8, height=8, frame=request.frame, seed=0, samples=1))
        wish = dict(self._acts.get(str(request.frame), {}))
        act: Callable[..., FrameOutput] = _ACTS[wish.pop("act", "nothing")]
        return act(request.scratch, picture, **wish)


def create_engine() -> DishonestEngine:
    return DishonestEngine()


def nothing(scratch: Path, picture: Path) -> FrameOutput:
    return FrameOutput(main=picture)


def swap_folder_of_extra(scratch: Path, picture: Path, name: str, target: str) -> FrameOutput:
    """A harmless file is reported; its folder then becomes a link to ``target``, which has one of that name."""
    extra = scratch / "extra" / name
    extra.parent.mkdir()
    extra.write_text("harmless")
    _later(scratch, lambda: _become_a_link(extra.parent, target))
    return FrameOutput(main=picture, extra=(extra,))


def swap_folder_of_picture(scratch: Path, picture: Path, target: str) -> FrameOutput:
    _later(scratch, lambda: _become_a_link(picture.parent, target))
    return FrameOutput(main=picture)


def become_a_pipe(scratch: Path, picture: Path) -> FrameOutput:
    def pipe() -> None:
        picture.unlink()
        os.mkfifo(picture)

    _later(scratch, pipe)
    return FrameOutput(main=picture)


def extra_becomes_a_pipe(scratch: Path, picture: Path) -> FrameOutput:
    extra = scratch / "depth.exr"
    extra.write_text("harmless")

    def pipe() -> None:
        extra.unlink()
        os.mkfifo(extra)

    _later(scratch, pipe)
    return FrameOutput(main=picture, extra=(extra,))


def write(scratch: Path, picture: Path, content: str, suffix: str) -> FrameOutput:
    """A file of that suffix and of that content (Latin-1), whatever the job asked for."""
    other = picture.with_suffix(suffix)
    other.write_bytes(content.encode("latin-1"))
    return FrameOutput(main=other)


def fail(scratch: Path, picture: Path, reason: str) -> FrameOutput:
    raise EngineError(EndReason(reason), "Nobody is to blame.")


def report(scratch: Path, picture: Path, fields: str, takes_s: float = 0) -> FrameOutput:
    """As no honest worker would: ``fields`` (JSON without its braces) in place of timings and metrics."""
    time.sleep(takes_s)

    class Report:
        @staticmethod
        def of(call: int, output: FrameOutput, log: str) -> Any:
            return Report(call)

        def __init__(self, call: int) -> None:
            self._call = call

        def line(self) -> bytes:
            said = f'"type":"rendered","call":{self._call},"main":"{picture}","extra":[],"warnings":[],{fields}'
            return f"{{{said}}}\n".encode()

    vars(sys.modules["__main__"])["RenderedEvent"] = Report
    return FrameOutput(main=picture)


def _become_a_link(folder: Path, target: str) -> None:
    folder.rename(folder.with_name("moved-away"))
    folder.symlink_to(target)


def _later(scratch: Path, act: Callable[[], None]) -> None:
    (scratch / "armed").touch()

    def wait() -> None:
        ends_at = time.monotonic() + WAIT_S
        while not (scratch / "go").exists() and time.monotonic() < ends_at:
            time.sleep(_LOOK_EVERY_S)
        act()
        (scratch / "swapped").touch()

    threading.Thread(target=wait, daemon=True).start()


_ACTS: dict[str, Callable[..., FrameOutput]] = {
    act.__name__: act
    for act in (
        *(nothing, swap_folder_of_extra, swap_folder_of_picture, become_a_pipe, extra_becomes_a_pipe),
        *(write, fail, report),
    )
}
