"""Reads how many samples Cycles has done out of what Blender says while it renders."""

from __future__ import annotations

import re

from pipelines.base import Tally

_SAMPLE = re.compile(r"\bSample (\d+)/(\d+)")


AGREES = 0.05
"""How far the count and the time may be apart, as fractions of a frame, and still tell one story; a sample at least."""


class SampleCount:
    """Reads the samples out of Blender's lines. A frame of several view layers counts them anew for each."""

    def __init__(self, layers: int = 1) -> None:
        self._layers = max(1, layers)
        self._before = 0
        """Layers that are done."""
        self.tally: Tally | None = None
        """Of the layer that renders now."""

    def read(self, line: str) -> bool:
        """Whether the line tells of samples."""
        found = _SAMPLE.search(line)
        if found is None:
            return False
        now = Tally(int(found[1]), int(found[2]), "samples")
        if self.tally is not None and now.done < self.tally.done:
            self._before += 1
        self.tally = now
        return True

    def at(self, fraction: float) -> Tally | None:
        """The count to tell beside ``fraction``, which follows from time; None where they contradict each other.

        Blender counts rarely, so a count is soon old, and it knows nothing of the time that the scene took before.
        """
        if self.tally is None or not self.tally.total:
            return None
        apart = abs(self.tally.done / self.tally.total - fraction)
        return self.tally if apart <= max(AGREES, 1 / self.tally.total) + 1e-9 else None

    @property
    def fraction(self) -> float:
        """Of all samples of the frame."""
        if self.tally is None or not self.tally.total:
            return 0.0
        return min(1.0, (self._before + self.tally.done / self.tally.total) / self._layers)
