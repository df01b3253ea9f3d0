# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports ``bpy`` with as many worker threads as the engine may use.

oneTBB, which Blender renders with, counts the cores of its process once, while ``bpy`` is imported, and has that many
threads at hand. Where ``render.threads`` asks for fewer later, those that are too many do not sleep: from the first
frame on each spins on ``sched_yield``, between frames too (oneTBB issue 1417; a frame of one thread on two cores took
two). So it is shown no more cores than the farm gives; when it has counted, all of them are there again, for the kernel
to choose from.
"""

from __future__ import annotations

import os

_all = os.sched_getaffinity(0)


def render_threads() -> int:
    """All cores this process may use, unless the farm says otherwise. Does not change pixels."""
    return int(os.environ.get("RAYFARM_ENGINE_THREADS") or len(_all))


def _shown() -> list[int]:
    """Not the same for each engine: threads that the import itself starts stay on them."""
    cores = sorted(_all)
    first = os.getpid() % len(cores)
    return (cores[first:] + cores[:first])[: render_threads()]


os.sched_setaffinity(0, _shown())
try:
    import bpy
finally:
    os.sched_setaffinity(0, _all)

__all__ = ["bpy", "render_threads"]
