"""Kernels that drivers have compiled for this machine's cards: a folder for each project, which outlives its engines.

A kernel is code. Engines of two projects share none: one that a scene has taken over could put its own in the place of
one that another project's engine runs.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

from jobs.plain_files import remove_tree
from pipelines.folder_look import look_below

_MOST_ENTRIES = 10_000
"""Of a folder; drivers keep some files for each kernel."""


class KernelCaches:
    """Those of one node; its replicas share them."""

    def __init__(self, *, root: Path, project_bytes: int, projects: int) -> None:
        """``project_bytes``: a folder that holds more begins anew; ``projects``: how many folders are kept."""
        self._root = root
        self._project_bytes = project_bytes
        self._projects = projects

    def folder_of(self, project_id: UUID) -> Path:
        """It is there, and the last one to leave. Blocking."""
        folder = self._root / project_id.hex
        found = look_below(folder, most_entries=_MOST_ENTRIES)
        if found.too_deep or found.entries > _MOST_ENTRIES or found.size_bytes > self._project_bytes:
            remove_tree(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)
        self._forget_the_oldest()
        return folder

    def _forget_the_oldest(self) -> None:
        by_age = []
        for folder in self._root.iterdir():
            try:
                by_age.append((folder.stat(follow_symlinks=False).st_mtime_ns, folder))
            except OSError:  # another replica was quicker
                continue
        for _, folder in sorted(by_age)[: -self._projects]:
            remove_tree(folder)
