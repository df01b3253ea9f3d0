"""Scratch of a process that was killed is cleared by the next one, and that of a live one never."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cluster.scratch import ScratchFolder, clear_leftovers

HOLD = "import sys, time; from pathlib import Path; from cluster.scratch import ScratchFolder; " \
    "ScratchFolder(Path(sys.argv[1])); (Path(sys.argv[1]) / 'frame.exr').write_bytes(b'x'); " \
    "print('held', flush=True); time.sleep(600)"  # fmt: skip


def test_the_folder_of_a_killed_process_goes_and_that_of_a_live_one_stays(tmp_path: Path) -> None:
    killed, live = tmp_path / "killed", tmp_path / "live"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for folder in (killed, live)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
        assert clear_leftovers(tmp_path) == 0
        processes[0].kill()
        processes[0].wait()
        assert clear_leftovers(tmp_path) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["live"]
        assert (live / "frame.exr").exists()
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def test_what_is_not_ours_is_left_alone_however_old(tmp_path: Path) -> None:
    with ScratchFolder(tmp_path / "mine") as mine:
        (mine / "a").write_bytes(b"x")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "work").write_bytes(b"x")
    os.utime(tmp_path / "others", (0, 0))
    (tmp_path / "link").symlink_to("others")
    (tmp_path / "file").write_bytes(b"x")
    assert clear_leftovers(tmp_path) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "others"]
    assert clear_leftovers(tmp_path / "nowhere") == 0
