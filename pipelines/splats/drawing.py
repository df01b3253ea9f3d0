"""What a rasteriser is asked for and gives back, whichever device it runs on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from pipelines.splats.cameras import Camera
from pipelines.splats.cloud import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawOptions:
    """How to draw, beside the camera."""

    sh_degree: int = 3
    """Higher bands of the cloud's colours are left out."""
    antialiased: bool = False
    """A gaussian that is widened to a pixel loses as much opacity as it gains area (Mip-Splatting)."""
    depth: bool = False
    near: float = 0.01
    """Scene units along the view; nearer centres are not drawn."""
    far: float = 1e10


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One picture before its background, in the display-referred colours that clouds are trained in."""

    colour: Floats
    """(H, W, 3), multiplied by coverage; may pass 1."""
    light: Floats
    """(H, W): the share of what lies behind that comes through, 0 to 1."""
    depth: Floats | None
    """(H, W): mean depth along the view, scene units, multiplied by coverage; None: not asked for."""
    seen: int = 0
    """Gaussians that were drawn."""
    overlaps: int = 0
    """Gaussians summed over tiles; 0 where the device does not say."""

    @classmethod
    def blank(cls, width: int, height: int, *, depth: bool) -> Drawing:
        return cls(
            colour=np.empty((height, width, 3), np.float32),
            light=np.empty((height, width), np.float32),
            depth=np.empty((height, width), np.float32) if depth else None,
        )

    def finished(self, *, seen: int, overlaps: int) -> Drawing:
        return replace(self, seen=seen, overlaps=overlaps)


class Rasteriser(Protocol):
    """Draws the cloud that it was made with."""

    @property
    def device(self) -> str:
        """For the record: ``CPU``, or the name of the GPU."""
        ...

    def draw(self, camera: Camera, options: DrawOptions) -> Drawing: ...
