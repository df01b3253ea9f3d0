"""The video sequencer: whether it makes the picture of a scene, and what has no effect then.

Imports no Blender: the API checks settings with it, the engine asks it of a scene.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.errors import InvalidInput
from pipelines.cycles.settings import CyclesSettings

_OF_THE_CAMERA = (
    *("camera", "view_layer", "view_layers", "passes", "samples", "seed", "denoise", "denoiser"),
    *("adaptive_sampling", "adaptive_threshold", "adaptive_min_samples", "motion_blur", "shutter"),
)
"""Settings of a picture that a camera makes."""


def makes_the_picture(scene: Any) -> bool:
    """Whether Blender takes the frames of a ``bpy`` scene from its strips; from sound and muted ones it does not (tried
    on 5.0.1)."""
    sequencer = scene.sequence_editor
    if not scene.render.use_sequencer or sequencer is None:
        return False
    muted = [channel.mute for channel in sequencer.channels]
    return any(strip.type != "SOUND" and not strip.mute and not muted[strip.channel] for strip in sequencer.strips)


def makes_all_frames(facts: Mapping[str, Any]) -> bool:
    """Whether the probe that found ``facts`` saw it make the picture."""
    return "sequencer" in ((facts.get("details") or {}).get("split_blockers") or ())


def check_sequencer(settings: CyclesSettings) -> None:
    """Raise ``InvalidInput`` for a setting without effect where the sequencer makes the frames."""
    idle = [name for name in _OF_THE_CAMERA if getattr(settings, name) is not None]
    if idle:
        raise InvalidInput(
            f"The scene's video sequencer makes its frames, so {', '.join(idle)} would have no effect.",
            field=f"settings.{idle[0]}",
            remedy="Leave them out, or turn off Output Properties > Post Processing > Sequencer and register the scene "
            "again.",
            settings=idle,
        )
