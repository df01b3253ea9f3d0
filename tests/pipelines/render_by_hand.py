"""What a person would type: ``render_by_hand.py SCENE OUTPUT FRAME [key=value | play_from=FRAME ...]``; plain bpy."""

from __future__ import annotations

import os
import sys

import bpy

scene_file, output, frame, *assignments = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=scene_file)
scene = bpy.context.scene
scene.render.filepath = output
for assignment in assignments:
    if assignment.startswith("play_from="):
        for number in range(int(assignment.partition("=")[2]), int(frame)):
            scene.frame_set(number)
        continue
    path, value = assignment.split("=")
    owner, _, name = path.rpartition(".")
    target = scene.path_resolve(owner)
    setattr(target, name, type(getattr(target, name))(eval(value) if value in ("True", "False") else value))
scene.frame_set(int(frame))
bpy.ops.render.render(write_still=True)
os._exit(0)
