# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit: one process that keeps the scene loaded and does nothing but render frames and write PNGs.

Reads one JSON block a line from stdin and answers with the seconds of each of its frames.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import bpy

from loadtests.blender.overrides import lay_over, own_values


def main(blend: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Blender prints there
    begun = time.perf_counter()
    bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
    scene = bpy.context.scene
    scene.render.use_persistent_data = True
    print(json.dumps({"load_s": time.perf_counter() - begun}), file=answers)
    own = own_values(scene)
    laid_over = None
    for line in sys.stdin:
        block = json.loads(line)
        if block["settings"] != laid_over:
            laid_over = block["settings"]
            lay_over(scene, {**own, **laid_over})
            scene.update_tag()  # or a persistent scene may render with the settings before; not for every frame:
            # it synchronises every triangle again (2 million: five times the frame)
        seconds = []
        before = time.perf_counter()
        for frame in block["frames"]:
            scene.render.filepath = str(Path(block["folder"]) / f"{frame:06d}.png")
            scene.frame_set(frame)
            bpy.ops.render.render(write_still=True)
            after = time.perf_counter()
            seconds.append(after - before)
            before = after
        print(json.dumps({"seconds": seconds}), file=answers)
    answers.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
