# SPDX-License-Identifier: GPL-3.0-or-later
"""EEVEE, where a GL device can be had. Without EGL Blender aborts the whole process, so that is looked for first."""

from __future__ import annotations

import ctypes
import functools

from jobs.states import EndReason
from pipelines.cycles.settings import Device
from pipelines.errors import EngineError

EGL_LIBRARY = "libEGL.so.1"
_SOFTWARE = ("llvmpipe", "softpipe", "swrast")


@functools.cache
def _has_egl() -> bool:
    try:
        ctypes.CDLL(EGL_LIBRARY)
    except OSError:
        return False
    return True


def require_eevee() -> None:
    """Refuse where the library that EEVEE needs is not there."""
    if not _has_egl():
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"This machine cannot run EEVEE: {EGL_LIBRARY} is not installed.",
            remedy="Install libegl1 (Debian) on the machines that render, or set engine to cycles.",
        )


def eevee_device(wanted: Device) -> str:
    """What draws, once a frame is drawn. Refuses a software renderer where a GPU is asked for."""
    import gpu  # type: ignore[import-not-found, unused-ignore]  # Blender's own; answers only once its backend runs

    name = str(gpu.platform.renderer_get())
    if wanted is Device.GPU and any(word in name.lower() for word in _SOFTWARE):
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"The job asks for a GPU, and EEVEE draws with {name} here.",
            remedy="Use device 'auto', or give the job to a pool with GPUs.",
        )
    return f"EEVEE: {name}"
