"""What ``loadtests.load`` tells its users: who they are, which model there is, where the yardstick answers."""

from __future__ import annotations

import os

KEY = os.environ.get("RAYFARM_LOAD_KEY", "")
MODEL = os.environ.get("RAYFARM_LOAD_MODEL", "")
PLAIN_URL = os.environ.get("RAYFARM_LOAD_PLAIN_URL", "http://127.0.0.1")

HEADERS = {"Authorization": f"Bearer {KEY}"}

ENDED = frozenset({"succeeded", "failed", "canceled"})


def job_of(frames: str, *, name: str, render_ms: float, priority: str = "normal") -> dict[str, object]:
    """A job of the fake pipeline whose frames are its own: nothing is reused."""
    return {
        "name": name,
        "model": MODEL,
        "pipeline": "fake",
        "frames": frames,
        "settings": {"render_ms": render_ms, "width": 64, "height": 36},
        "outputs": {"video": None, "previews": False},
        "priority": priority,
        "reuse": False,
    }
