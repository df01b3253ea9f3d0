"""An attempt's log is what the engine printed for that frame, and no more."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines._process import LogFile


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
