"""Child processes of a bench: started together, watched, ended by pid."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from loadtests.cases import ROOT


@contextmanager
def running(module: str, *arguments: str, log: Path, environment: Mapping[str, str]) -> Iterator[psutil.Popen]:
    """One Python module as a process until the block ends; its output goes to ``log``."""
    with log.open("ab") as out:
        process = psutil.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
                process.kill()
                process.wait()


def require_alive(processes: list[psutil.Popen], log: Path) -> None:
    """Raise with the log's end where one has ended by itself."""
    if any(process.poll() is not None for process in processes):
        raise RuntimeError(f"A process of the bench has ended: {log.read_text(errors='replace')[-2000:]}")


def memory_bytes(process: psutil.Popen) -> int:
    """Resident bytes of this process now."""
    return int(process.memory_info().rss)
