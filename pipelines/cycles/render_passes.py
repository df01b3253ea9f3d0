# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Blender keeps the switch of each pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.states import EndReason
from pipelines.cycles.settings import RenderPass
from pipelines.errors import EngineError

_OF_LAYER = {
    RenderPass.DEPTH: "use_pass_z",
    RenderPass.MIST: "use_pass_mist",
    RenderPass.NORMAL: "use_pass_normal",
    RenderPass.POSITION: "use_pass_position",
    RenderPass.UV: "use_pass_uv",
    RenderPass.VECTOR: "use_pass_vector",
    RenderPass.OBJECT_INDEX: "use_pass_object_index",
    RenderPass.MATERIAL_INDEX: "use_pass_material_index",
    RenderPass.DIFFUSE_COLOR: "use_pass_diffuse_color",
    RenderPass.DIFFUSE_DIRECT: "use_pass_diffuse_direct",
    RenderPass.DIFFUSE_INDIRECT: "use_pass_diffuse_indirect",
    RenderPass.GLOSSY_COLOR: "use_pass_glossy_color",
    RenderPass.GLOSSY_DIRECT: "use_pass_glossy_direct",
    RenderPass.GLOSSY_INDIRECT: "use_pass_glossy_indirect",
    RenderPass.TRANSMISSION_COLOR: "use_pass_transmission_color",
    RenderPass.TRANSMISSION_DIRECT: "use_pass_transmission_direct",
    RenderPass.TRANSMISSION_INDIRECT: "use_pass_transmission_indirect",
    RenderPass.EMISSION: "use_pass_emit",
    RenderPass.ENVIRONMENT: "use_pass_environment",
    RenderPass.AMBIENT_OCCLUSION: "use_pass_ambient_occlusion",
    RenderPass.CRYPTOMATTE_OBJECT: "use_pass_cryptomatte_object",
    RenderPass.CRYPTOMATTE_MATERIAL: "use_pass_cryptomatte_material",
    RenderPass.CRYPTOMATTE_ASSET: "use_pass_cryptomatte_asset",
}
_OF_CYCLES = {RenderPass.DENOISING: "denoising_store_passes"}


def pass_switches(scene: Any) -> Iterator[tuple[Any, str]]:
    """(owner, property) of every pass of every view layer."""
    for layer in scene.view_layers:
        yield from ((layer, name) for name in _OF_LAYER.values())
        yield from ((layer.cycles, name) for name in _OF_CYCLES.values())


def turn_on(scene: Any, passes: tuple[RenderPass, ...]) -> list[str]:
    """In each view layer that is rendered; the data path of each switch that it sets."""
    if RenderPass.VECTOR in passes and scene.render.use_motion_blur:
        raise EngineError(
            EndReason.MODEL_INVALID,
            "Cycles has no vector pass while motion blur is on.",
            remedy="Set motion_blur to false, or leave the pass out.",
        )
    paths: list[str] = []
    for layer in scene.view_layers:
        if layer.use:
            of_layer, of_cycles = layer.path_from_id(), f"{layer.path_from_id()}.cycles"  # the latter knows no path
            for wanted in passes:
                if wanted in _OF_CYCLES:
                    setattr(layer.cycles, _OF_CYCLES[wanted], True)
                    paths.append(f"{of_cycles}.{_OF_CYCLES[wanted]}")
                else:
                    setattr(layer, _OF_LAYER[wanted], True)
                    paths.append(f"{of_layer}.{_OF_LAYER[wanted]}")
    return paths
