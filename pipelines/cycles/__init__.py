"""Blender's Cycles. Only the files with a GPL header import ``bpy``, and only in the child process."""
