"""An engine that prints and draws next to nothing: what a frame prints, how much, and how it ends, its settings say."""

from __future__ import annotations

import os
import signal
import sys
import time

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.errors import EngineError
from pipelines.fake.png import gradient_png


class ChattyEngine:
    def load(self, model: ModelFiles) -> LoadReport:
        print("loading")
        return LoadReport(seconds=0)

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        settings = request.settings
        print(f"frame {request.frame} begins")
        os.write(2, b"x" * int(settings.get("noise", 0)))  # as a renderer written in C does
        sys.stderr.write(f"frame {request.frame} ends\n")
        sys.stderr.flush()
        while settings.get("until_cut") and os.fstat(1).st_size > 0:
            time.sleep(0.01)
        match settings.get("end"):
            case "refuse":
                raise EngineError(EndReason.ENGINE_ERROR, "It refuses.", remedy="Ask for another end.")
            case "raise":
                raise RuntimeError("a bug")
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
        main = request.scratch / "frame.png"
        main.write_bytes(gradient_png(width=4, height=4, frame=request.frame, seed=1, samples=1))
        return FrameOutput(main=main)


def create_engine() -> ChattyEngine:
    return ChattyEngine()
