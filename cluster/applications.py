"""Names of a farm's Serve applications: who deploys, measures and spares them means the same ones."""

from __future__ import annotations

API, DISPATCHER, RENDERER = "rayfarm-api", "rayfarm-dispatcher", "rayfarm-renderer"
"""As the Ray dashboard and Ray's metrics (label ``application``) show them."""

FARM = frozenset({API, DISPATCHER, RENDERER})
