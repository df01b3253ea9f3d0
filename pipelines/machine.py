"""What this machine, or the container that the farm runs in, has. Stdlib only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def machine_memory_bytes() -> int:
    """Memory of this machine, or what a control group leaves of it to this process."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total, *_group_limits()])


def _group_limits() -> Iterator[int]:
    """Of this process's group and those above it; version 1 and 2 of the kernel's control groups."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = Path("/sys/fs/cgroup") / controllers
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        below = Path(group.lstrip("/"))
        for folder in (below, *below.parents):
            try:
                yield int((root / folder / name).read_text())
            except (OSError, ValueError):  # ValueError: "max"
                continue
