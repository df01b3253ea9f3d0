"""The engine of a probe that ends as its model's main file says: by a signal, over a limit, too late, in an error."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from typing import Any

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.errors import EngineError


class TroubledProbe:
    def load(self, model: ModelFiles) -> LoadReport:
        wishes: dict[str, Any] = json.loads(model.main_path.read_text())
        if name := wishes.get("signal"):
            os.kill(os.getpid(), signal.Signals[name])
            threading.Event().wait()  # the signal is on its way
        for _ in range(wishes.get("threads", 0)):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        if wishes.get("for_ever"):
            threading.Event().wait()
        if wishes.get("full_disk"):
            raise OSError(errno.ENOSPC, "No space left on device")
        raise EngineError(EndReason.MODEL_INVALID, "The file is cut off.", remedy="Upload it again.")

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise NotImplementedError


def create_engine() -> TroubledProbe:
    return TroubledProbe()
