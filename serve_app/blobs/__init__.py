"""Blobs: which does the farm lack, upload, is it there."""
