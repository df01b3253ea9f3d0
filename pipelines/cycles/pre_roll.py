# SPDX-License-Identifier: GPL-3.0-or-later
"""State that grows from frame to frame and is not baked: refused, or played up to the frame that is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.states import EndReason
from pipelines.base import ProgressCallback
from pipelines.cycles.probe_simulations import FoundSimulation
from pipelines.cycles.settings import Simulations
from pipelines.cycles.simulation_check import unbaked_refusal
from pipelines.errors import EngineError


class PreRoll:
    """What has been played of one resident scene."""

    def __init__(self, found: Sequence[FoundSimulation]) -> None:
        self._unbaked = [one for one in found if one.baked is False]
        self._moving = bool(self._unbaked) or any(one.baked is None for one in found)
        self._played: int | None = None
        """Frames from the scene's first up to this one were played in order, and none since."""
        self._jumped = False
        """A frame was set that was not played up to: Blender's caches may hold what no play gives, and go first."""

    def spoilt_for(self, how: Simulations) -> bool:
        """Whether the scene must be opened anew before a frame is set."""
        return self._jumped and how is Simulations.PRE_ROLL

    def go_to(self, scene: Any, frame: int, how: Simulations, progress: ProgressCallback) -> int:
        """Set the scene to ``frame``; returns how many frames before it were played for that."""
        if self._unbaked and how is Simulations.REFUSE:
            message, remedy = unbaked_refusal([(one.kind, one.owner) for one in self._unbaked])
            raise EngineError(EndReason.MODEL_INVALID, message, remedy=remedy)
        before = range(0)
        if self._moving and how is Simulations.PRE_ROLL and frame >= scene.frame_start:
            goes_on = self._played is not None and self._played < frame
            before = range(self._played + 1 if goes_on and self._played is not None else scene.frame_start, frame)
            self._played = None  # a failure half-way leaves nothing to go on from
            for number in before:
                scene.frame_set(number)
                progress(0.0, f"playing frame {number} of {frame}")
        scene.frame_set(frame)
        plays = self._moving and how is Simulations.PRE_ROLL and frame >= scene.frame_start
        self._played = frame if plays else None
        self._jumped = self._jumped or (self._moving and not plays)
        return len(before)
