"""What Ray says of nodes that drain: the one place that asks."""

from __future__ import annotations

from collections.abc import Mapping

from ray._private import state  # Ray 2.60 has no public way to ask; Serve's controller asks the same source


def draining_ray_nodes() -> Mapping[str, float | None]:
    """Ray node id -> when it goes, seconds since the epoch; None where Ray names no time. Blocks for a round trip."""
    return {
        node: deadline_ms / 1000 if 0 < deadline_ms < _NEVER_MS else None
        for node, deadline_ms in state.state.get_draining_nodes().items()
    }


_NEVER_MS = 2**62
"""Ray writes "no deadline" as 0, or as the largest number."""
