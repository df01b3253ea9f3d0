# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device renders. Blender asked for a GPU that is not there uses the CPU and says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from jobs.states import EndReason
from pipelines.cycles.settings import Device
from pipelines.errors import EngineError

_PREFERENCE = ("OPTIX", "CUDA", "HIP", "ONEAPI")
"""Fastest first where one card offers several."""


_KINDS = {Device.OPTIX: "OPTIX", Device.CUDA: "CUDA", Device.HIP: "HIP", Device.ONEAPI: "ONEAPI"}


@dataclass(frozen=True, slots=True)
class ChosenDevice:
    """Where the next frame is rendered."""

    cycles_word: str
    """``CPU`` or ``GPU``, as ``scene.cycles.device`` has it."""
    name: str
    """For the record: ``CPU``, or the kind and the cards."""
    kind: str
    """``CPU`` or one of ``OPTIX``, ``CUDA``, ``HIP``, ``ONEAPI``."""


class RenderDevices:
    """What this process can render on. Asks the drivers, so it is made only when a frame needs the answer."""

    def __init__(self) -> None:
        self._preferences: Any = bpy.context.preferences.addons["cycles"].preferences
        self._found = {kind: names for kind in _PREFERENCE if (names := self._names(kind))}
        self._preferences.compute_device_type = "NONE"
        self._enabled: str | None = None

    def choose(self, wanted: Device) -> ChosenDevice:
        """Enable every GPU of the kind that is wanted, and no CPU beside them. Refuses a kind that is not there."""
        kinds = [_KINDS[wanted]] if wanted in _KINDS else list(_PREFERENCE)
        kind = next((kind for kind in kinds if kind in self._found), None)
        if wanted is Device.CPU or (wanted is Device.AUTO and kind is None):
            return ChosenDevice("CPU", "CPU", "CPU")
        if kind is None:
            there = ", ".join(self._found) or "none"
            raise EngineError(
                EndReason.MODEL_INVALID,  # no other try of it can go better: the job is pinned to this class of device
                f"The job asks for a GPU ({wanted}), and this machine has none that Cycles can use.",
                remedy=f"Use device 'cpu' or 'auto', or give the job to a pool with such GPUs. Here: {there}.",
            )
        if self._enabled != kind:
            self._enable(kind)
            self._enabled = kind
        return ChosenDevice("GPU", f"{kind}: {', '.join(self._found[kind])}", kind)

    def _names(self, kind: str) -> tuple[str, ...]:
        try:
            self._preferences.compute_device_type = kind
        except TypeError:  # not offered by this build
            return ()
        self._preferences.refresh_devices()
        return tuple(device.name for device in self._preferences.devices if device.type == kind)

    def _enable(self, kind: str) -> None:
        self._preferences.compute_device_type = kind
        self._preferences.refresh_devices()
        for device in self._preferences.devices:
            device.use = device.type == kind
