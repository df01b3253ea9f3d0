# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the endings that the engine can import, those alone whose operator this Blender has."""

from __future__ import annotations

import os
import sys

import bpy

from pipelines.cycles.importing import IMPORTERS

have = {".gltf": bpy.ops.import_scene.gltf, ".glb": bpy.ops.import_scene.gltf, ".obj": bpy.ops.wm.obj_import}
have[".fbx"] = bpy.ops.wm.fbx_import
print(*(ending for ending in IMPORTERS if have.get(ending, bpy.ops.wm.usd_import).get_rna_type() is not None))
sys.stdout.flush()
os._exit(0)
