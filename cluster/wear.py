"""When an engine has done enough and is replaced: memory that a renderer does not give back, drivers that leak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Wear:
    """What one engine has been through since it was loaded."""

    recycle_frames: int | None = None
    """Replace it after so many frames; None: never for that."""
    recycle_growth_bytes: int | None = None
    """Replace it when it holds so many bytes more than after its first frame; None: never for that."""
    memory_bytes: Callable[[], int] = lambda: 0
    """What it holds now."""
    frames: int = 0
    """That it was asked for."""
    _first_bytes: int = 0
    _grown: bool = False

    def asked(self) -> None:
        """It was given one more frame."""
        self.frames += 1

    def delivered(self) -> None:
        """It has rendered one."""
        if self.recycle_growth_bytes is None:
            return
        held = self.memory_bytes()
        self._first_bytes = self._first_bytes or held
        self._grown = held - self._first_bytes > self.recycle_growth_bytes

    @property
    def worn(self) -> bool:
        """It gets no more frames."""
        return self._grown or (self.recycle_frames is not None and self.frames >= self.recycle_frames)
