"""What a process of a batch farm is told where Ray was not started with it, so that Ray writes none of it to a log.

Ray logs a ``runtime_env`` with its variables on each node. Arguments of actors and tasks are pickled, and neither
logged nor shown in its dashboard.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

MARK = "RAYFARM_BATCH_STARTED"
"""Differs with each batch farm: Ray keeps idle processes by their ``runtime_env``, and one must not serve the next farm
with what it was told by the last."""


NAMES_A_NODE = frozenset(f"RAYFARM_CLUSTER_{name}" for name in ("NODE", "LABELS", "DEVICE_CLASS", "SCRATCH_DIR"))
"""What one machine is: another that took it over would be blocked, drained and chosen in its place, and its frames
count as those of other cards."""

FITS_A_NODE = frozenset(
    f"RAYFARM_{name}"
    for name in (
        "CLUSTER_CACHE_DIR",
        "CLUSTER_CACHE_BYTES",
        "CLUSTER_KERNEL_CACHE_BYTES",
        "CLUSTER_ENGINE_MEMORY_BYTES",
        "CLUSTER_ENGINE_VRAM_BYTES",
        "ENGINE_THREADS",
        "ENGINE_MEMORY_BYTES",
        "ENGINE_VRAM_BYTES",
        "ENGINE_SCRATCH_BYTES",
    )
)
"""Places and sizes: a machine that was given its own keeps them."""


@dataclass(frozen=True, slots=True)
class ToldEnvironment:
    """Variables that a process takes over first of all."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def enter(self) -> None:
        own = {name for name in FITS_A_NODE if os.environ.get(name)} | NAMES_A_NODE
        os.environ.update({name: value for name, value in self.variables.items() if name not in own})

    def actor_options(self) -> dict[str, Any]:
        """Of the processes that are told, and of the tasks that they start."""
        return {"runtime_env": {"env_vars": {MARK: uuid4().hex}}} if self.variables else {}
