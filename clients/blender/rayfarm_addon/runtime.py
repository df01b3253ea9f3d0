# SPDX-License-Identifier: GPL-3.0-or-later
"""The one session of this Blender, and the timer that brings what its threads told onto the main thread."""

from __future__ import annotations

import bpy

from .farm.session import Fetched, Session

BUSY_S = 0.25
"""Between looks into the queue while something goes on: smooth enough for a bar, and nothing to the UI."""
IDLE_S = 1.0

_sessions: list[Session] = []


def session() -> Session:
    """Of the add-on that is switched on."""
    return _sessions[-1]


def start() -> None:
    _sessions.append(Session())
    bpy.app.timers.register(pump, first_interval=IDLE_S, persistent=True)  # goes on when another file is opened


def stop() -> None:
    if bpy.app.timers.is_registered(pump):
        bpy.app.timers.unregister(pump)
    while _sessions:
        _sessions.pop().close()


def pump() -> float | None:
    """One look into the queue; seconds until the next, None: none."""
    if not _sessions:
        return None
    changed, fetched = session().drain()
    if changed:
        _redraw()
    for each in fetched:
        _show(each)
    return BUSY_S if session().is_busy else IDLE_S


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PROPERTIES":
                area.tag_redraw()


def _show(fetched: Fetched) -> None:
    if fetched.show == "folder":
        bpy.ops.wm.path_open(filepath=str(fetched.folder))
    elif fetched.show == "video":
        films = [path for path in fetched.files if path.suffix in (".mp4", ".mov")]
        bpy.ops.wm.path_open(filepath=str(films[-1] if films else fetched.folder))
