"""The limit of a pipeline: its engine alone in one process, the model loaded, frame after frame, nothing else.

Reads one JSON block a line from stdin and answers with the seconds of each of its frames.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path

from pipelines.base import Engine, FrameRequest, ModelFiles, Tally
from pipelines.registry import get_pipeline


def main(pipeline: str, root: str, main_file: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries print there
    begun = time.perf_counter()
    engine: Engine = importlib.import_module(get_pipeline(pipeline).engine_module).create_engine()
    engine.load(ModelFiles(digest="0" * 64, root=Path(root), main=main_file))
    print(json.dumps({"load_s": time.perf_counter() - begun}), file=answers)
    for number, line in enumerate(sys.stdin):
        block = json.loads(line)
        seconds = []
        before = time.perf_counter()
        for frame in block["frames"]:
            scratch = Path(block["folder"]) / f"loop-{os.getpid()}-{number}-{frame}"
            scratch.mkdir(parents=True)
            request = FrameRequest(id=f"{number}-{frame}", frame=frame, settings=block["settings"], scratch=scratch)
            engine.render(request, _ignore)
            after = time.perf_counter()
            seconds.append(after - before)
            before = after
        print(json.dumps({"seconds": seconds}), file=answers)
    answers.flush()
    os._exit(0)


def _ignore(fraction: float, text: str, tally: Tally | None = None, /) -> None:
    """Nobody watches this loop."""


if __name__ == "__main__":
    main(*sys.argv[1:])
