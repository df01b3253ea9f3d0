# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a throwaway process that makes a picture of merged light: denoise, colour management, file format.

Blender does it itself, by compositing an empty scene: the view transforms, the dither and the file are its own, so a
frame that was split by borders is the unsplit one bit for bit. The denoiser is that of the same build of Blender.
"""

from __future__ import annotations

import time
from typing import Any

from pydantic import ValidationError

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.cycles.blender import bpy, render_threads
from pipelines.cycles.finish_request import FinishRequest
from pipelines.cycles.split import DenoiseNotes, FrameNotes
from pipelines.errors import EngineError

_PREFILTERS = {"NONE": "None", "FAST": "Fast", "ACCURATE": "Accurate"}
_QUALITIES = {"FAST": "Fast", "BALANCED": "Balanced", "HIGH": "High"}
"""Blender's words for a scene, and those of its Denoise node."""


class FinishEngine:
    """Holds no model; each render is of the light that its request names."""

    def load(self, model: ModelFiles) -> LoadReport:
        raise EngineError(EndReason.INFRA, "The finish of a frame opens no scene.")

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        try:
            wanted = FinishRequest.model_validate(dict(request.settings))
        except ValidationError as error:
            raise EngineError(EndReason.INFRA, f"The finish of the frame is asked for wrongly: {error}") from error
        begun = time.perf_counter()
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
        try:
            _say_what_the_scene_said(scene, wanted.whole)
            _compose(scene, wanted)
        except (TypeError, ValueError) as error:  # a word that this Blender does not know
            raise EngineError(
                EndReason.ENGINE_ERROR,
                f"The parts speak of colour management or a file that this Blender does not know: {error}",
                remedy="All machines of the farm must have the same version of bpy.",
            ) from error
        target = request.scratch / f"finished{wanted.extension}"
        scene.render.filepath = str(target)
        try:
            bpy.ops.render.render(write_still=True)
        except RuntimeError as error:
            raise EngineError(EndReason.ENGINE_ERROR, f"Blender: {str(error).strip()}") from error
        if not target.is_file():
            raise EngineError(EndReason.ENGINE_ERROR, "Blender put the parts together without a picture.")
        return FrameOutput(main=target, timings_ms={"finish": (time.perf_counter() - begun) * 1000})


def create_engine() -> FinishEngine:
    return FinishEngine()


def _say_what_the_scene_said(scene: Any, whole: FrameNotes) -> None:
    render, view, colour, file = scene.render, scene.view_settings, whole.colour, whole.file
    render.resolution_x, render.resolution_y, render.resolution_percentage = *whole.size, 100
    render.use_compositing, render.use_sequencer = True, False
    render.dither_intensity = colour.dither_intensity
    render.use_file_extension = False
    render.threads_mode, render.threads = "FIXED", render_threads()
    for name in dir(render):  # the same parts make the same bytes: no date, no times
        if name.startswith("use_stamp"):
            setattr(render, name, False)
    scene.display_settings.display_device = colour.display_device
    for name in (
        *("view_transform", "look", "exposure", "gamma"),
        *("use_white_balance", "white_balance_temperature", "white_balance_tint"),
    ):
        setattr(view, name, getattr(colour, name))
    image = render.image_settings
    image.media_type, image.file_format = "IMAGE", file.file_format
    image.color_mode, image.color_depth = file.color_mode, file.color_depth
    image.quality, image.compression = file.quality, file.compression
    image.exr_codec = file.exr_codec
    if file.linear_space is not None:
        image.color_management = "OVERRIDE"
        image.linear_colorspace_settings.name = file.linear_space


def _compose(scene: Any, wanted: FinishRequest) -> None:
    tree = bpy.data.node_groups.new("Finish", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    end = tree.nodes.new("NodeGroupOutput")
    light = _image(tree, wanted.light, alpha="PREMUL")
    denoise = wanted.whole.denoise
    if denoise is not None:
        light = _denoised(tree, light, wanted, denoise)
    tree.links.new(light, end.inputs[0])
    scene.compositing_node_group = tree


def _denoised(tree: Any, light: Any, wanted: FinishRequest, notes: DenoiseNotes) -> Any:
    node = tree.nodes.new("CompositorNodeDenoise")
    node.inputs["HDR"].default_value = True
    node.inputs["Prefilter"].default_value = _PREFILTERS[notes.prefilter]
    node.inputs["Quality"].default_value = _QUALITIES[notes.quality]
    tree.links.new(light, node.inputs["Image"])
    for path, name in ((wanted.albedo, "Albedo"), (wanted.normal, "Normal")):
        if path is not None:
            tree.links.new(_image(tree, path, alpha="CHANNEL_PACKED"), node.inputs[name])
    return node.outputs["Image"]


def _image(tree: Any, path: str, *, alpha: str) -> Any:
    """Its output socket. The numbers in the file are those that are composed: no colour space is applied."""
    image = bpy.data.images.load(path)
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = alpha
    node = tree.nodes.new("CompositorNodeImage")
    node.image = image
    return node.outputs["Image"]
