# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel in the render properties. It only draws what the session knows: no file and no network is touched."""

from __future__ import annotations

from typing import Any

import bpy

from .farm.errors import SceneProblem
from .farm.jobs import JobRow
from .operators import (
    RAYFARM_OT_allow,
    RAYFARM_OT_cancel_job,
    RAYFARM_OT_open,
    RAYFARM_OT_refresh,
    RAYFARM_OT_stop,
    RAYFARM_OT_submit,
)
from .runtime import session

_ICONS = {"succeeded": "CHECKMARK", "failed": "ERROR", "canceled": "CANCEL", "running": "RENDER_ANIMATION"}


class RAYFARM_PT_panel(bpy.types.Panel):
    """What to render, and the button."""

    bl_label = "Rayfarm"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        wish = context.scene.rayfarm
        layout.prop(wish, "title")
        layout.prop(wish, "camera")
        layout.prop(wish, "range_from")
        if wish.range_from == "OWN":
            layout.prop(wish, "frames")
        _override(layout, wish, "use_samples", "samples")
        _override(layout, wish, "use_percentage", "percentage")
        layout.prop(wish, "format")
        layout.prop(wish, "split")
        if wish.split != "none":
            layout.prop(wish, "parts")
        layout.prop(wish, "priority")
        layout.prop(wish, "film")
        layout.prop(wish, "output")
        layout.prop(wish, "bring")
        row = layout.row(align=True)
        row.operator(RAYFARM_OT_submit.bl_idname, icon="RENDER_ANIMATION")
        row.operator(RAYFARM_OT_submit.bl_idname, text="Submit this frame", icon="RENDER_STILL").only_frame = True
        _draw_state(layout)


class RAYFARM_PT_jobs(bpy.types.Panel):
    """The newest jobs of the project."""

    bl_label = "Jobs"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    bl_parent_id = "RAYFARM_PT_panel"

    def draw(self, _context: Any) -> None:
        now = session()
        self.layout.operator(RAYFARM_OT_refresh.bl_idname, icon="FILE_REFRESH")
        for number, line in enumerate(now.offline):
            self.layout.label(text=line, icon="INTERNET_OFFLINE" if number == 0 else "BLANK1")
        for job in now.jobs:
            _draw_job(self.layout.box(), job)


def _override(layout: Any, wish: Any, switch: str, value: str) -> None:
    row = layout.row(heading=wish.bl_rna.properties[value].name)
    row.prop(wish, switch, text="")
    field = row.row()
    field.active = getattr(wish, switch)
    field.prop(wish, value, text="")


def _draw_state(layout: Any) -> None:
    now = session()
    if now.is_busy:
        row = layout.row(align=True)
        row.progress(factor=min(1.0, max(0.0, now.fraction)), text=now.words)
        row.operator(RAYFARM_OT_stop.bl_idname, text="", icon="X")
    elif now.words:
        layout.label(text=now.words, icon="INFO")
    if now.problem is not None:
        box = layout.box()
        for number, line in enumerate(now.problem.lines):
            box.label(text=line, icon="ERROR" if number == 0 else "BLANK1")
        if isinstance(now.problem, SceneProblem) and now.problem.outside:
            box.operator(RAYFARM_OT_allow.bl_idname, icon="CHECKMARK")


def _draw_job(box: Any, job: JobRow) -> None:
    row = box.row()
    row.label(text=job.name, icon=_ICONS.get(job.state, "TIME"))
    buttons = row.row(align=True)
    if job.done:
        opened = buttons.operator(RAYFARM_OT_open.bl_idname, text="", icon="FILE_FOLDER")
        opened.job_id, opened.show = job.id, "folder"
    if job.state == "succeeded" and job.total > 1:
        film = buttons.operator(RAYFARM_OT_open.bl_idname, text="", icon="FILE_MOVIE")
        film.job_id, film.show = job.id, "video"
    if not job.is_over:
        buttons.operator(RAYFARM_OT_cancel_job.bl_idname, text="", icon="X").job_id = job.id
    box.progress(factor=job.fraction, text=job.words)
    if job.wait:
        box.label(text=job.wait, icon="INFO")


CLASSES = (RAYFARM_PT_panel, RAYFARM_PT_jobs)
