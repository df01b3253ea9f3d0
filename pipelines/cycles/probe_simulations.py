# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds state that grows from frame to frame in an opened scene, and whether it is baked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy

_SIMULATION_NODE = "GeometryNodeSimulationOutput"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSimulation:
    """The fields of ``models.probe.Simulation``."""

    owner: str
    kind: str
    baked: bool | None


def collect_simulations() -> list[FoundSimulation]:
    """One entry for each simulation of each object and scene that takes part in a render."""
    found = [simulation for item in bpy.data.objects for simulation in _of_object(item)]
    for scene in bpy.data.scenes:
        world = scene.rigidbody_world
        if world is not None and world.enabled and world.collection is not None and len(world.collection.objects):
            found.append(FoundSimulation(owner=scene.name, kind="rigid body", baked=world.point_cache.is_baked))
    return found


def _of_object(item: Any) -> Iterator[FoundSimulation]:
    for modifier in item.modifiers:
        if not modifier.show_render:
            continue
        match modifier.type:
            case "FLUID" if modifier.fluid_type == "DOMAIN":
                domain = modifier.domain_settings
                baked = domain.cache_type != "REPLAY" and domain.has_cache_baked_data
                yield FoundSimulation(owner=item.name, kind="fluid", baked=baked)
            case "CLOTH":
                yield FoundSimulation(owner=item.name, kind="cloth", baked=_plays_back(modifier.point_cache))
            case "SOFT_BODY":
                yield FoundSimulation(owner=item.name, kind="soft body", baked=_plays_back(modifier.point_cache))
            case "DYNAMIC_PAINT" if modifier.canvas_settings is not None:
                for surface in modifier.canvas_settings.canvas_surfaces:
                    if surface.is_active:
                        baked = _plays_back(surface.point_cache)
                        yield FoundSimulation(owner=item.name, kind="dynamic paint", baked=baked)
            case "NODES" if modifier.node_group is not None and _simulates(modifier.node_group, set()):
                # Blender 5.0 does not say whether a bake packed into the file is there.
                yield FoundSimulation(owner=item.name, kind="geometry nodes", baked=None)
    for system in item.particle_systems:
        settings = system.settings
        moving = settings.type == "EMITTER" and settings.physics_type != "NO"
        if moving or (settings.type == "HAIR" and system.use_hair_dynamics):
            yield FoundSimulation(owner=item.name, kind="particles", baked=_plays_back(system.point_cache))


def _plays_back(cache: Any) -> bool:
    return bool(cache.is_baked or cache.use_external)


def _simulates(group: Any, seen: set[str]) -> bool:
    if group.name_full in seen:
        return False
    seen.add(group.name_full)
    return any(
        node.bl_idname == _SIMULATION_NODE
        or (getattr(node, "node_tree", None) is not None and _simulates(node.node_tree, seen))
        for node in group.nodes
    )
