"""The bare loop's process, asked for one block of frames at a time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loadtests.cases import ROOT, Settings


class BareLoop:
    """Holds one scene until it is closed; ``command`` speaks the protocol of ``loadtests.engine_loop``."""

    def __init__(self, *, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # as the farm has: a busy Linux shares its cores out by session
        )

    def __enter__(self) -> Self:
        self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def render(self, settings: Settings, frames: Sequence[int], folder: Path) -> float:
        """Seconds per frame of this block."""
        assert self._process.stdin is not None
        block = {"frames": list(frames), "settings": dict(settings), "folder": str(folder)}
        self._process.stdin.write(json.dumps(block) + "\n")
        self._process.stdin.flush()
        seconds: list[float] = self._read()["seconds"]
        return sum(seconds) / len(seconds)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The bare loop ended with status {self._process.wait()}.")
        answer: dict[str, Any] = json.loads(line)
        return answer
