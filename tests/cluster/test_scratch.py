"""Scratch folders end with their process, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from cluster.scratch import Scratch

_HOLDS_ONE = """
import sys, time
from pathlib import Path
from cluster.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]), sys.argv[2])
(scratch.path / "frame.png").write_bytes(b"x")
print("ready", flush=True)
time.sleep(600)
"""


def _holder(root: Path, name: str) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen([sys.executable, "-c", _HOLDS_ONE, str(root), name], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"ready\n"
    return holder


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    killed, living = _holder(tmp_path, "killed"), _holder(tmp_path, "living")
    try:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        scratch = Scratch(tmp_path, "next")
        assert not (tmp_path / "killed").exists()
        assert (tmp_path / "living" / "frame.png").exists()
        scratch.close()
        assert not scratch.path.exists()
    finally:
        for holder in (killed, living):
            holder.kill()
            holder.wait()
            assert holder.stdout is not None
            holder.stdout.close()


def test_what_others_keep_in_the_same_place_stays(tmp_path: Path) -> None:
    outside = Scratch(tmp_path / "outside", "kept")
    root = tmp_path / "scratch"
    (root / "without-a-lock" / "deep").mkdir(parents=True)
    (root / "link").symlink_to(outside.path)
    Scratch(root, "mine").close()
    assert (root / "without-a-lock" / "deep").is_dir()
    assert outside.path.is_dir()
    outside.close()
