# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender by hand: what a user without a farm would write. Each file is a program of its own process."""
