"""`python -m pipelines.splats.build_kernels`: compile the CPU's rasteriser once for all engines of this machine.

The farm starts it by itself, in the background, before its first engine of splats. It opens no scene: it draws a few
gaussians of its own. Run it while an image is built, and no engine compiles.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from pipelines.sandbox import child_environment
from pipelines.splats.kernel_cache import OWN_FOLDER, built_kernels, kernel_cache

BUILD_TIMEOUT = timedelta(minutes=10)
"""16 s of CPU were measured; at the lowest priority beside engines that render it takes minutes."""
KEPT_BUILDS = 8
"""Of other versions and machines with the same home; the oldest go."""
_NICE = 19
_PR_SET_PDEATHSIG = 1

_builders: list[subprocess.Popen[bytes]] = []
"""Of this process: one, unless it failed, and then no other is tried."""


def start_build() -> None:
    """Build in the background what is not there, once a process; engines compile for themselves meanwhile."""
    cache = kernel_cache()
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    for builder in _builders:
        builder.poll()  # reap it
    if not _builders and not built_kernels().is_dir():
        _builders.append(_spawn(cache))


def build() -> Path:
    """Build what is not there, and wait. Raises ``subprocess.SubprocessError``."""
    cache = kernel_cache()
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = built_kernels()
    if not target.is_dir():
        builder = _spawn(cache)
        if builder.wait() != 0 or not target.is_dir():
            raise subprocess.CalledProcessError(builder.returncode, builder.args)
    return target


def _spawn(cache: Path) -> subprocess.Popen[bytes]:
    """From a thread that lives as long as the builder: its end kills it."""
    command = [sys.executable, "-m", "pipelines.splats.build_kernels", "--builder", str(os.getpid())]
    environment = child_environment(source=os.environ, home=cache)  # what it compiles lies below: the end is a rename
    with (cache / "build.log").open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cache, env=environment)


def _run_builder(parent: int) -> None:
    """One at a time: a second waits, and finds the result."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    signal.alarm(int(BUILD_TIMEOUT.total_seconds()))
    os.nice(_NICE)
    with (kernel_cache() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = built_kernels()
        if not target.is_dir():
            _make_room()
            from pipelines.splats.compile_all import compile_all  # Numba: the parent of engines never imports it

            compile_all().rename(target)


def _make_room() -> None:
    """Under the lock, so that a folder being filled is one that a killed builder left."""
    folders = [path for path in kernel_cache().iterdir() if path.is_dir()]
    left = [path for path in folders if path.name.startswith(OWN_FOLDER)]
    builds = sorted((path for path in folders if path not in left), key=lambda path: path.stat().st_mtime)
    for path in (*left, *builds[: max(0, len(builds) + 1 - KEPT_BUILDS)]):
        shutil.rmtree(path, ignore_errors=True)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--builder"]:
        _run_builder(int(arguments[1]))
    else:
        sys.stdout.write(f"{build()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
