# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders one part of a frame: a subset of its samples, or a band of its rows, as linear 32-bit light.

Nothing that looks at a whole frame happens here: no denoising, no compositing, no colour management. What these would
have been goes with the part in its notes, for ``finish``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from jobs.errors import InvalidInput
from jobs.spec import SplitMode
from jobs.states import EndReason
from pipelines.base import FramePart
from pipelines.cycles.sequencer import makes_the_picture
from pipelines.cycles.settings import CyclesSettings
from pipelines.cycles.split import (
    ColourNotes,
    DenoiseNotes,
    FileNotes,
    FrameNotes,
    PartNotes,
    border_of,
    refuse_blocked,
)
from pipelines.errors import EngineError

_WORKING_SPACE = "Linear Rec.709"


def split_blockers(scene: Any) -> list[str]:
    """Words of ``split.BLOCKERS`` for what keeps this scene's frames in one piece, as it stands now."""
    render, cycles = scene.render, scene.cycles
    denoises = cycles.use_denoising and any(layer.use and layer.cycles.use_denoising for layer in scene.view_layers)
    found = {
        "adaptive_sampling": cycles.use_adaptive_sampling,
        "layer_samples": cycles.use_layer_samples != "IGNORE" and any(layer.samples for layer in scene.view_layers),
        "border": render.use_border,
        "crop": render.use_border and render.use_crop_to_border,
        "compositing": render.use_compositing and scene.compositing_node_group is not None,
        "sequencer": makes_the_picture(scene),
        "freestyle": render.use_freestyle,
        "stamp": render.use_stamp,
        "time_limit": cycles.time_limit > 0,
        "path_guiding": cycles.use_guiding,
        "sample_subset": cycles.use_sample_subset,
        "view_curves": _view_owner(scene).view_settings.use_curve_mapping,
        "working_space": bpy.data.colorspace.working_space != _WORKING_SPACE,
        "optix_denoiser": denoises and cycles.denoiser != "OPENIMAGEDENOISE",  # empty where there is no GPU
    }
    return [code for code, there in found.items() if there]


@contextmanager
def part_of_frame(scene: Any, part: FramePart, settings: CyclesSettings) -> Iterator[PartNotes]:
    """Within, a render of ``scene`` makes this part; the scene stands at its frame and says all that the job asks."""
    _refuse(scene, part, settings)
    notes = PartNotes(whole=_frame_notes(scene, part, settings), number=part.number)
    changes = list(_changes(scene, notes))
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            setattr(owner, name, value)
        yield notes
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def _refuse(scene: Any, part: FramePart, settings: CyclesSettings) -> None:
    try:
        refuse_blocked(split_blockers(scene), part.mode, settings)
    except InvalidInput as error:
        raise EngineError(EndReason.MODEL_INVALID, error.message, remedy=error.remedy) from error
    total = scene.cycles.samples if part.mode is SplitMode.SAMPLES else _size(scene)[1]
    if total < part.of:
        what = "samples" if part.mode is SplitMode.SAMPLES else "rows"
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"{total} {what} cannot be shared out over {part.of} parts.",
            remedy=f"Ask for at most {total} parts.",
        )


def _changes(scene: Any, notes: PartNotes) -> Iterator[tuple[Any, str, object]]:
    """(owner, property, value) in the order in which Blender must be told."""
    render, cycles, image = scene.render, scene.cycles, scene.render.image_settings
    yield image, "media_type", "MULTI_LAYER_IMAGE"
    yield image, "file_format", "OPEN_EXR_MULTILAYER"
    yield image, "color_depth", "32"
    yield image, "exr_codec", "ZIP"
    yield image, "color_management", "FOLLOW_SCENE"
    yield render, "use_compositing", False
    yield render, "use_sequencer", False
    yield cycles, "use_denoising", False
    whole = notes.whole
    for layer in scene.view_layers:
        if layer.use and whole.denoise is not None:
            yield layer.cycles, "denoising_store_passes", True
        if not whole.multilayer and layer.name != whole.layer:  # a picture of one layer shows the first
            yield layer, "use", False
    if whole.mode is SplitMode.SAMPLES:
        yield cycles, "use_sample_subset", True
        yield cycles, "sample_offset", notes.samples.start
        yield cycles, "sample_subset_length", len(notes.samples)
    else:
        yield render, "use_border", True
        yield render, "use_crop_to_border", False  # cropped, the noise would be another
        for axis in ("x", "y"):  # Blender keeps min below max, so open it wide first
            yield render, f"border_min_{axis}", 0.0
            yield render, f"border_max_{axis}", 1.0
        low, high = border_of(notes.rows, whole.size[1])
        yield render, "border_min_y", low
        yield render, "border_max_y", high


def _frame_notes(scene: Any, part: FramePart, settings: CyclesSettings) -> FrameNotes:
    cycles = scene.cycles
    layer = next((layer for layer in scene.view_layers if layer.use), None)
    if layer is None:
        raise EngineError(
            EndReason.MODEL_INVALID, "All view layers of the scene are off.", remedy="Name one in view_layer."
        )
    denoise = None
    if cycles.use_denoising and layer.cycles.use_denoising:
        inputs = cycles.denoising_input_passes
        denoise = DenoiseNotes(
            albedo="ALBEDO" in inputs,
            normal="NORMAL" in inputs,
            prefilter=cycles.denoising_prefilter,
            quality=cycles.denoising_quality,
        )
    return FrameNotes(
        frame=scene.frame_current,
        parts=part.of,
        mode=part.mode,
        samples=cycles.samples,
        size=_size(scene),
        layer=layer.name,
        denoise=denoise,
        colour=_colour_notes(scene),
        file=_file_notes(scene),
        multilayer=settings.multilayer,
    )


def _colour_notes(scene: Any) -> ColourNotes:
    owner = _view_owner(scene)
    view = owner.view_settings
    return ColourNotes(
        display_device=owner.display_settings.display_device,
        view_transform=view.view_transform,
        look=view.look,
        exposure=view.exposure,
        gamma=view.gamma,
        use_white_balance=view.use_white_balance,
        white_balance_temperature=view.white_balance_temperature,
        white_balance_tint=view.white_balance_tint,
        dither_intensity=scene.render.dither_intensity,
    )


def _file_notes(scene: Any) -> FileNotes:
    image = scene.render.image_settings
    own_space = image.color_management == "OVERRIDE" and image.has_linear_colorspace
    return FileNotes(
        file_format=image.file_format,
        color_mode=image.color_mode,
        color_depth=image.color_depth,
        quality=image.quality,
        compression=image.compression,
        exr_codec=image.exr_codec,
        linear_space=image.linear_colorspace_settings.name if own_space else None,
    )


def _view_owner(scene: Any) -> Any:
    """Whose colour management a picture of this scene is written with."""
    image = scene.render.image_settings
    return image if image.color_management == "OVERRIDE" else scene


def _size(scene: Any) -> tuple[int, int]:
    """Width and height in pixels of what the scene renders without a crop; Blender rounds both down."""
    render = scene.render
    width = render.resolution_x * render.resolution_percentage // 100
    height = render.resolution_y * render.resolution_percentage // 100
    return width, height
