# SPDX-License-Identifier: GPL-3.0-or-later
"""EEVEE, where a GL device can be had. Without EGL Blender aborts the whole process, so that is looked for first."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator

from jobs.states import EndReason
from pipelines.cycles.settings import Device
from pipelines.errors import EngineError

EGL_LIBRARY = "libEGL.so.1"
_PLATFORM_DEVICE = 0x313F
"""``EGL_PLATFORM_DEVICE_EXT``"""
_MAX_DEVICES = 16
_SOFTWARE = ("llvmpipe", "softpipe", "swrast")


@functools.cache
def egl_trouble() -> str | None:
    """Why this machine cannot draw with EGL; ``None``: it can. Asked without Blender, which would abort."""
    try:
        egl = ctypes.CDLL(EGL_LIBRARY)
    except OSError:
        return f"{EGL_LIBRARY} is not installed"
    egl.eglInitialize.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    if not any(egl.eglInitialize(display, None, None) for display in _displays(egl)):
        return f"no driver answers behind {EGL_LIBRARY}"
    return None


def _displays(egl: ctypes.CDLL) -> Iterator[int]:
    """In Blender's order: the default one (a server has none), then one of each device (EGL_EXT_device_enumeration)."""
    egl.eglGetDisplay.restype, egl.eglGetDisplay.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    egl.eglGetProcAddress.restype, egl.eglGetProcAddress.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    default = egl.eglGetDisplay(None)
    if default:
        yield default
    query, get = (egl.eglGetProcAddress(name) for name in (b"eglQueryDevicesEXT", b"eglGetPlatformDisplayEXT"))
    if not query or not get:
        return
    devices, count = (ctypes.c_void_p * _MAX_DEVICES)(), ctypes.c_int(0)
    pointer, number = ctypes.c_void_p, ctypes.c_int
    query_devices = ctypes.CFUNCTYPE(ctypes.c_uint, number, pointer, pointer)(query)
    if not query_devices(_MAX_DEVICES, ctypes.addressof(devices), ctypes.addressof(count)):
        return
    get_display = ctypes.CFUNCTYPE(pointer, ctypes.c_uint, pointer, pointer)(get)
    for device in devices[: count.value]:
        display = get_display(_PLATFORM_DEVICE, device, None)
        if display:
            yield display


def require_eevee() -> None:
    """Refuse where there is nothing that EEVEE could draw with."""
    trouble = egl_trouble()
    if trouble is not None:
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"This machine cannot run EEVEE: {trouble}.",
            remedy="Install libegl1 and the driver of the GPU, or libegl-mesa0 and libgl1-mesa-dri for Mesa's software "
            "renderer (Debian), on the machines that render; or set engine to cycles.",
        )


def eevee_device(wanted: Device) -> str:
    """What draws, once a frame is drawn. Refuses a software renderer where a GPU is asked for."""
    import gpu  # type: ignore[import-not-found, unused-ignore]  # Blender's own; answers only once its backend runs

    try:
        name = str(gpu.platform.renderer_get())
    except SystemError:  # Blender's answer where it has no context to ask
        name = ""
    if wanted is Device.GPU and (not name or any(word in name.lower() for word in _SOFTWARE)):
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"The job asks for a GPU, and EEVEE draws with {name or 'an unknown device'} here.",
            remedy="Use device 'auto', or give the job to a pool with GPUs.",
        )
    return f"EEVEE: {name or 'unknown device'}"
