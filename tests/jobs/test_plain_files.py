"""Folders that a stranger's program made are removed whole, whatever it made of them."""

from __future__ import annotations

import os
from pathlib import Path

from jobs.plain_files import remove_tree

DEEP = 1200
"""Beyond what a function may call itself."""


def test_a_tree_is_removed_however_deep_and_nothing_behind_its_links(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "scratch"
    outside.mkdir()
    folder.mkdir()
    (outside / "kept").write_text("kept")
    here = os.open(folder, os.O_RDONLY)
    for number in range(DEEP):
        os.mkdir("d", dir_fd=here)
        if number in (0, DEEP - 1):
            os.symlink(outside, "link", dir_fd=here)
            os.mkfifo("pipe", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove_tree(folder)
    assert not folder.exists()
    assert (outside / "kept").read_text() == "kept"


def test_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "absent")
