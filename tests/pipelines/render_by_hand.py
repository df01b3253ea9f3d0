"""What a person would type: ``python render_by_hand.py SCENE OUTPUT FRAME [key=value ...]`` with plain Blender."""

from __future__ import annotations

import os
import sys

import bpy

scene_file, output, frame, *assignments = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=scene_file)
scene = bpy.context.scene
scene.render.filepath = output
for assignment in assignments:
    path, value = assignment.split("=")
    owner, _, name = path.rpartition(".")
    target = scene.path_resolve(owner)
    setattr(target, name, type(getattr(target, name))(eval(value) if value in ("True", "False") else value))
scene.frame_set(int(frame))
bpy.ops.render.render(write_still=True)
os._exit(0)
