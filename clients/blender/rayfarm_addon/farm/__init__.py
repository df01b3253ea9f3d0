# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to the farm with the standard library alone, off Blender's main thread; never imports ``bpy``."""
