"""Fingerprints: two frames with one fingerprint have the same pixels, so the second is never rendered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FINGERPRINT_VERSION = 2
"""Raised whenever a change of ours may change pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderInputs:
    """All that decides a frame's pixels, save its number."""

    model_digest: str
    pipeline: str
    engine_version: str
    device_class: str
    settings: Mapping[str, Any]
    """Only the settings that affect pixels, with the seed."""
    split: str = "none"


def canonical_json(value: object) -> bytes:
    """One byte string per value: sorted keys, no white space, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def render_key(inputs: RenderInputs) -> str:
    """Hex SHA-256 over everything but the frame number: what the frames of a job share."""
    return hashlib.sha256(
        canonical_json(
            {
                "v": FINGERPRINT_VERSION,
                "model": inputs.model_digest,
                "pipeline": inputs.pipeline,
                "engine": inputs.engine_version,
                "device": inputs.device_class,
                "settings": dict(inputs.settings),
                "split": inputs.split,
            }
        )
    ).hexdigest()


def frame_fingerprint(key: str, frame: int) -> str:
    """Hex SHA-256 that names the pixels of one frame."""
    return hashlib.sha256(f"{key}:{frame}".encode()).hexdigest()
