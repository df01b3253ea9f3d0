"""Writes .blend files whose sequencer plays a tone in its second half: from a file beside it, packed, and muted."""

from __future__ import annotations

import math
import os
import struct
import sys
import wave
from pathlib import Path

FPS, FRAMES, RATE_HZ, TONE_HZ = 24, 24, 48_000, 440


def main(folder: Path) -> None:
    import bpy  # not at the top: tests read the figures above, and bpy stays out of their process

    folder.mkdir(parents=True, exist_ok=True)
    tone = folder / "tone.wav"
    with wave.open(str(tone), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        turn = 2 * math.pi * TONE_HZ / RATE_HZ
        file.writeframes(b"".join(struct.pack("<h", int(16_000 * math.sin(turn * at))) for at in range(RATE_HZ)))
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.render.fps = 1, FRAMES, FPS
    scene.render.resolution_x, scene.render.resolution_y = 32, 18
    scene.cycles.samples = 1
    scene.render.engine = "CYCLES"
    strips = scene.sequence_editor_create().strips
    strips.new_sound("tone", str(tone), channel=1, frame_start=1 + FRAMES // 2)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "silent_then_tone.blend"), relative_remap=True)
    strips[0].sound.pack()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "packed.blend"), relative_remap=True)
    strips[0].mute = True
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "muted.blend"), relative_remap=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    os._exit(0)
