# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device renders. Blender asked for a GPU that is not there uses the CPU and says nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import bpy

from jobs.states import EndReason
from pipelines.cycles.settings import Device
from pipelines.errors import EngineError

_PREFERENCE = ("OPTIX", "CUDA", "HIP", "ONEAPI")
"""Fastest first where one card offers several."""


@dataclass(frozen=True, slots=True)
class RenderDevices:
    """What this process can render on."""

    kind: str | None
    """One of ``_PREFERENCE``; ``None`` without a GPU."""
    names: tuple[str, ...]

    @classmethod
    def detect(cls) -> RenderDevices:
        """Enable every GPU of the best kind that is there, and no CPU beside them."""
        preferences: Any = bpy.context.preferences.addons["cycles"].preferences
        for kind in _PREFERENCE:
            try:
                preferences.compute_device_type = kind
            except TypeError:  # not offered by this build
                continue
            preferences.refresh_devices()
            names = tuple(device.name for device in preferences.devices if device.type == kind)
            if names:
                for device in preferences.devices:
                    device.use = device.type == kind
                return cls(kind, names)
        preferences.compute_device_type = "NONE"
        return cls(None, ())

    def choose(self, wanted: Device) -> tuple[str, str]:
        """Cycles' own word for the device, and its name for the record."""
        if wanted is Device.CPU or (wanted is Device.AUTO and self.kind is None):
            return "CPU", "CPU"
        if self.kind is None:
            raise EngineError(
                EndReason.MODEL_INVALID,  # no other try of it can go better: the job is pinned to this class of device
                "The job asks for a GPU, and this machine has none that Cycles can use.",
                remedy="Use device 'cpu' or 'auto', or give the job to a pool with GPUs.",
            )
        return "GPU", f"{self.kind}: {', '.join(self.names)}"


def render_threads() -> int:
    """All cores this process may use, unless the farm says otherwise. Does not change pixels."""
    return int(os.environ.get("RAYFARM_ENGINE_THREADS") or len(os.sched_getaffinity(0)))
