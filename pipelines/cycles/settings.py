"""What a job may ask of Cycles. ``None`` always means: what the scene says."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MIN_SIDE_PX = 4
"""Blender's own minimum."""
MAX_SIDE_PX = 65_536
"""Blender's own maximum."""
MAX_PIXELS = 16_384 * 16_384
"""268 million: 4 GiB of float RGBA; beyond it a render buffer alone takes down a replica."""
MAX_SAMPLES = 16_777_216
"""Blender's own maximum (2^24)."""
MAX_SEED = 2**31 - 1
MAX_NAME = 255
"""Bytes of a Blender data-block name (5.0)."""


class ImageFormat(StrEnum):
    PNG = "png"
    JPEG = "jpeg"
    EXR = "exr"


class Device(StrEnum):
    CPU = "cpu"
    GPU = "gpu"
    """Refused where there is none: Blender alone would silently use the CPU."""
    AUTO = "auto"
    """A GPU where there is one."""


COLOR_DEPTHS: dict[ImageFormat, tuple[int, ...]] = {
    ImageFormat.PNG: (8, 16),
    ImageFormat.JPEG: (8,),
    ImageFormat.EXR: (16, 32),
}


class Border(BaseModel):
    """A part of the picture, as fractions of width and height from the lower left corner."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    xmin: Annotated[float, Field(ge=0, le=1)]
    xmax: Annotated[float, Field(ge=0, le=1)]
    ymin: Annotated[float, Field(ge=0, le=1)]
    ymax: Annotated[float, Field(ge=0, le=1)]
    crop: bool = False
    """False: a full-size picture, empty outside, whose pixels equal the full render's. True: only the part, whose
    noise differs from the full render's."""

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        if self.xmin >= self.xmax or self.ymin >= self.ymax:
            raise ValueError("a border needs xmin < xmax and ymin < ymax")
        return self


class CyclesSettings(BaseModel):
    """Settings of the ``cycles`` pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resolution_x: Annotated[int, Field(ge=MIN_SIDE_PX, le=MAX_SIDE_PX)] | None = None
    resolution_y: Annotated[int, Field(ge=MIN_SIDE_PX, le=MAX_SIDE_PX)] | None = None
    percentage: Annotated[int, Field(ge=1, le=1000)] | None = None
    samples: Annotated[int, Field(ge=1, le=MAX_SAMPLES)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    denoise: bool | None = None
    adaptive_sampling: bool | None = None
    camera: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None = None
    view_layer: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None = None
    format: ImageFormat = ImageFormat.PNG
    color_depth: int | None = Field(
        None,
        description="Bits a channel: 8 or 16 for png, 8 for jpeg, 16 or 32 for exr. None: the scene's or 8 (exr: 16).",
    )
    quality: Annotated[int, Field(ge=1, le=100, description="Only for jpeg.")] | None = None
    border: Border | None = None
    device: Device = Device.AUTO

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        depths = COLOR_DEPTHS[self.format]
        if self.color_depth is not None and self.color_depth not in depths:
            allowed = " or ".join(str(depth) for depth in depths)
            raise ValueError(f"{self.format} takes a color_depth of {allowed}, not {self.color_depth}")
        if self.quality is not None and self.format is not ImageFormat.JPEG:
            raise ValueError(f"quality is for jpeg only; {self.format} is lossless")
        if self.resolution_x is not None and self.resolution_y is not None:
            check_pixels(self.resolution_x, self.resolution_y, self.percentage or 100)
        return self


def check_pixels(width: int, height: int, percentage: int) -> None:
    """Raise ``ValueError`` for a picture too large to hold."""
    pixels = width * height * percentage * percentage // 10_000
    if pixels > MAX_PIXELS:
        raise ValueError(f"{width}x{height} at {percentage} % is {pixels} pixels; at most {MAX_PIXELS} are allowed")
