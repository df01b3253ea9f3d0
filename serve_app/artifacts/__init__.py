"""Outputs of jobs, and the signed links that bring them home."""
