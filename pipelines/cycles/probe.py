# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a throwaway process: opens one uploaded scene, reports what is in it, and renders nothing."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import bpy

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.cycles.containment import LoadGuard
from pipelines.cycles.external_files import is_blend
from pipelines.cycles.opening import open_scene
from pipelines.cycles.part_render import split_blockers
from pipelines.cycles.probe_references import collect_references
from pipelines.cycles.probe_simulations import FoundSimulation, collect_simulations
from pipelines.cycles.sequencer import makes_the_picture
from pipelines.cycles.sound import has_sound
from pipelines.errors import EngineError


class ProbeEngine:
    """Its ``LoadReport.details`` are the facts that ``models.probe.SceneFacts`` describes."""

    def __init__(self) -> None:
        bpy.context.preferences.filepaths.use_scripts_auto_execute = False
        self._simulations: list[FoundSimulation] = []
        self._guard = LoadGuard(before=self._look_at_simulations)

    def _look_at_simulations(self) -> None:
        """Before their caches are redirected, which would make them look unbaked."""
        self._simulations = collect_simulations()

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        opened = open_scene(self._guard, model)
        if bpy.context.scene is None:
            raise EngineError(
                EndReason.MODEL_INVALID,
                f"{model.main} holds no scene.",
                remedy="Save the scene that is to be rendered.",
            )
        facts = _scene_facts(bpy.context.scene)
        facts["references"] = [asdict(reference) for reference in (*opened.references, *collect_references(model))]
        facts["simulations"] = [asdict(simulation) for simulation in self._simulations]
        facts["blocked_scripts"] = opened.blocked
        facts["warnings"] = opened.warnings
        if not is_blend(model):
            facts["blender_version"] = None
        return LoadReport(
            seconds=time.perf_counter() - begun,
            blocked_scripts=tuple(opened.blocked),
            details=_without_surrogates(facts),
        )

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise EngineError(EndReason.INFRA, "A probe renders nothing.")


def create_engine() -> ProbeEngine:
    return ProbeEngine()


def _scene_facts(scene: Any) -> dict[str, Any]:
    render = scene.render
    cycles = scene.cycles
    return {
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "frame_step": scene.frame_step,
        "fps": render.fps / render.fps_base,
        "resolution": (render.resolution_x, render.resolution_y, render.resolution_percentage),
        "cameras": sorted(item.name for item in scene.objects if item.type == "CAMERA"),
        "active_camera": scene.camera.name if scene.camera is not None else None,
        "has_sequence": makes_the_picture(scene),
        "view_layers": [layer.name for layer in scene.view_layers if layer.use],
        "engine": render.engine,
        "samples": cycles.samples,
        # Without an NVIDIA GPU Blender has no word for the other one.
        "denoiser": (cycles.denoiser or "OPTIX") if cycles.use_denoising else None,
        "stereo": render.use_multiview,
        "blender_version": ".".join(str(part) for part in bpy.data.version[:2]),
        "triangles": _triangles(scene),
        "details": {"split_blockers": split_blockers(scene), "sound": has_sound(scene)},
    }


def _triangles(scene: Any) -> int:
    """Of stored meshes, each object its own: an n-gon has two triangles fewer than corners."""
    return sum(
        len(item.data.loops) - 2 * len(item.data.polygons)
        for item in scene.objects
        if item.type == "MESH" and item.data is not None
    )


def _without_surrogates(value: Any) -> Any:
    """Names and paths in old files need not be UTF-8; JSON must be."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key: _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value
