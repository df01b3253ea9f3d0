"""Keeps Python's garbage collector out of the planner's way."""

from __future__ import annotations

import gc

_NEW_OBJECTS = 100_000
"""Objects made since the last collection, above which the next one runs. A tick of a farm of thousands makes some
20,000 that all go when it ends; Python's default of 700 would look through them thirty times."""


def calm_garbage_collector() -> None:
    """For a process that plans, once it has started: what it has imported is never looked through again.

    Measured at 3,000 jobs: a fifth less time in the plan, and in reading its snapshot, and no pause in the middle of a
    tick. Objects in cycles, such as exceptions with their tracebacks, wait a little longer to be freed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
