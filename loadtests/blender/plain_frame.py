# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame in a process of its own: open the scene, render, write a PNG, end. How farms without residency work."""

from __future__ import annotations

import json
import os
import sys

import bpy

from loadtests.blender.overrides import lay_over


def main(blend: str, settings: str, frame: str, picture: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
    scene = bpy.context.scene
    lay_over(scene, json.loads(settings))
    scene.render.filepath = picture
    scene.frame_set(int(frame))
    bpy.ops.render.render(write_still=True)
    sys.stdout.flush()
    os._exit(0 if os.path.getsize(picture) else 1)  # noqa: PTH202 - not even pathlib beside Blender


if __name__ == "__main__":
    main(*sys.argv[1:])
