"""Reads how many samples Cycles has done out of what Blender says while it renders."""

from __future__ import annotations

import re

from pipelines.base import Tally

_SAMPLE = re.compile(r"\bSample (\d+)/(\d+)")


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

    @property
    def fraction(self) -> float:
        """Of all samples of the frame."""
        if self.tally is None or not self.tally.total:
            return 0.0
        return min(1.0, (self._before + self.tally.done / self.tally.total) / self._layers)
