# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a throwaway process that mixes a scene's sound: strips of its sequencer, and speakers."""

from __future__ import annotations

import time
from typing import Any

import bpy

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.cycles.containment import LoadGuard
from pipelines.cycles.external_files import remap_external_files, without_folder
from pipelines.errors import EngineError
from pipelines.sound_format import CHANNELS, FILE_NAME, RATE_HZ, SoundRange

_LAYOUTS = {1: "MONO", 2: "STEREO"}


class SoundEngine:
    """``render`` writes no picture but a WAV (PCM, 16 bits) of the frames that its settings name."""

    def __init__(self) -> None:
        bpy.context.preferences.filepaths.use_scripts_auto_execute = False
        self._guard = LoadGuard()

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        try:
            blocked = self._guard.open(model.main_path)
        except RuntimeError as error:
            raise EngineError(
                EndReason.MODEL_INVALID,
                f"Blender cannot open {model.main}: {without_folder(str(error), model.root)}",
            ) from error
        remap_external_files(model)
        return LoadReport(seconds=time.perf_counter() - begun, blocked_scripts=tuple(blocked))

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        wanted = SoundRange.model_validate(dict(request.settings))
        scene = bpy.context.scene
        scene.frame_start, scene.frame_end = wanted.first, wanted.last
        scene.render.ffmpeg.audio_mixrate = RATE_HZ
        scene.render.ffmpeg.audio_channels = _LAYOUTS[CHANNELS]
        target = request.scratch / FILE_NAME
        try:
            bpy.ops.sound.mixdown(
                filepath=str(target), check_existing=False, container="WAV", codec="PCM", format="S16"
            )
        except RuntimeError as error:
            raise EngineError(EndReason.ENGINE_ERROR, f"Blender cannot mix the scene's sound: {error}") from error
        if not target.is_file():  # the operator reports success whatever becomes of the file
            raise EngineError(EndReason.ENGINE_ERROR, "Blender mixed no sound.")
        return FrameOutput(main=target)


def create_engine() -> SoundEngine:
    return SoundEngine()


def has_sound(scene: Any) -> bool:
    """Whether a mix could be anything but silence: a strip that is not muted, or a speaker with a sound."""
    editor = scene.sequence_editor
    strips = editor.strips_all if editor is not None else ()
    return any(strip.type == "SOUND" and not strip.mute and strip.sound is not None for strip in strips) or any(
        item.type == "SPEAKER" and item.data.sound is not None and not item.data.muted for item in scene.objects
    )
