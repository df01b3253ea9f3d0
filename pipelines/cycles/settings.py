"""What a job may ask of Cycles. ``None`` always means: what the scene says."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.pictures import COLOR_DEPTHS, MOST_PIXELS, ImageFormat, check_encoding, check_pixels

MIN_SIDE_PX = 4
"""Blender's own minimum."""
MAX_SIDE_PX = 65_536
"""Blender's own maximum."""
MAX_PIXELS = MOST_PIXELS
"""268 million: 4 GiB of float RGBA; beyond it a render buffer alone takes down a replica."""
MAX_SAMPLES = 16_777_216
"""Blender's own maximum (2^24)."""
MAX_SEED = 2**31 - 1
MAX_NAME = 255
"""Bytes of a Blender data-block name (5.0)."""


class Device(StrEnum):
    CPU = "cpu"
    GPU = "gpu"
    """Refused where there is none: Blender alone would silently use the CPU."""
    AUTO = "auto"
    """A GPU where there is one."""
    OPTIX = "optix"
    CUDA = "cuda"
    HIP = "hip"
    ONEAPI = "oneapi"
    """This kind of GPU and no other."""


class Denoiser(StrEnum):
    OPENIMAGEDENOISE = "openimagedenoise"
    OPTIX = "optix"
    """Refused where there is no NVIDIA GPU."""


class RenderEngine(StrEnum):
    CYCLES = "cycles"
    EEVEE = "eevee"
    """Needs EGL; refused where there is none. On a CPU it is slower than Cycles."""


class RenderPass(StrEnum):
    """What a frame can carry beside its light. Only in a multilayer EXR."""

    DEPTH = "depth"
    MIST = "mist"
    NORMAL = "normal"
    POSITION = "position"
    UV = "uv"
    VECTOR = "vector"
    OBJECT_INDEX = "object_index"
    MATERIAL_INDEX = "material_index"
    DIFFUSE_COLOR = "diffuse_color"
    DIFFUSE_DIRECT = "diffuse_direct"
    DIFFUSE_INDIRECT = "diffuse_indirect"
    GLOSSY_COLOR = "glossy_color"
    GLOSSY_DIRECT = "glossy_direct"
    GLOSSY_INDIRECT = "glossy_indirect"
    TRANSMISSION_COLOR = "transmission_color"
    TRANSMISSION_DIRECT = "transmission_direct"
    TRANSMISSION_INDIRECT = "transmission_indirect"
    EMISSION = "emission"
    ENVIRONMENT = "environment"
    AMBIENT_OCCLUSION = "ambient_occlusion"
    CRYPTOMATTE_OBJECT = "cryptomatte_object"
    CRYPTOMATTE_MATERIAL = "cryptomatte_material"
    CRYPTOMATTE_ASSET = "cryptomatte_asset"
    DENOISING = "denoising"
    """Albedo, normal and depth as a denoiser wants them."""


class Simulations(StrEnum):
    """What to do about state that grows from frame to frame and is not baked."""

    REFUSE = "refuse"
    PRE_ROLL = "pre_roll"
    """Play the scene from its first frame up to the one that is rendered, in each engine."""
    AS_IS = "as_is"
    """Render it as it stands: frames rendered apart will not match."""


_COLOR_DEPTHS = {**COLOR_DEPTHS, ImageFormat.PNG: (8, 16)}


class Border(BaseModel):
    """A part of the picture, as fractions of width and height from the lower left corner."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

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


LayerName = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]

_CYCLES_ONLY = (
    *("denoise", "denoiser", "adaptive_sampling", "adaptive_threshold", "adaptive_min_samples"),
    *("seed", "passes"),
)
"""What EEVEE has not, or has under other names and with other effects."""


class CyclesSettings(BaseModel):
    """Settings of the ``cycles`` pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    resolution_x: Annotated[int, Field(ge=MIN_SIDE_PX, le=MAX_SIDE_PX)] | None = None
    """Pixels, before ``percentage``."""
    resolution_y: Annotated[int, Field(ge=MIN_SIDE_PX, le=MAX_SIDE_PX)] | None = None
    """Pixels, before ``percentage``."""
    percentage: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Of both sides."""
    samples: Annotated[int, Field(ge=1, le=MAX_SAMPLES)] | None = None
    """Of each pixel."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    denoise: bool | None = None
    denoiser: Denoiser | None = None
    adaptive_sampling: bool | None = None
    adaptive_threshold: Annotated[float, Field(ge=0, le=1, description="Noise threshold; 0: automatic.")] | None = None
    adaptive_min_samples: Annotated[int, Field(ge=0, le=4096, description="0: automatic.")] | None = None
    motion_blur: bool | None = None
    shutter: Annotated[float, Field(gt=0, le=100, description="Frames that the shutter is open.")] | None = None
    camera: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None = None
    """Name of one in the scene."""
    view_layer: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None = None
    view_layers: Annotated[tuple[LayerName, ...], Field(fail_fast=True, min_length=1, max_length=100)] | None = None
    """These and no others; without ``multilayer`` a picture shows the first."""
    passes: (
        Annotated[tuple[RenderPass, ...], Field(fail_fast=True, min_length=1, max_length=len(RenderPass))] | None
    ) = None
    """In each view layer, beside those that the scene has on."""
    multilayer: bool = False
    """An OpenEXR with all layers and passes."""
    engine: RenderEngine = RenderEngine.CYCLES
    """EEVEE needs EGL on the machines that render."""
    simulations: Simulations = Simulations.REFUSE
    format: ImageFormat = ImageFormat.PNG
    color_depth: int | None = Field(
        None,
        description="Bits a channel: 8 or 16 for png, 8 for jpeg, 16 or 32 for exr. None: the scene's or 8 (exr: 16).",
    )
    quality: Annotated[int, Field(ge=1, le=100, description="Only for jpeg.")] | None = None
    border: Border | None = None
    device: Device = Device.AUTO
    """A job that names a GPU waits for a worker with one; ``auto``: a GPU where there is one."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.view_layer is not None and self.view_layers is not None:
            raise ValueError("name either view_layer or view_layers")
        if self.multilayer and self.format is not ImageFormat.EXR:
            raise ValueError(f"multilayer is for exr only; {self.format} holds one layer")
        if self.passes is not None and not self.multilayer:
            raise ValueError("passes go into a multilayer file only: set multilayer to true and format to exr")
        if self.shutter is not None and self.motion_blur is False:
            raise ValueError("shutter is for motion blur, which is off")
        if self.adaptive_sampling is False and (
            self.adaptive_threshold is not None or self.adaptive_min_samples is not None
        ):
            raise ValueError("adaptive_threshold and adaptive_min_samples are for adaptive sampling, which is off")
        if self.denoiser is not None and self.denoise is False:
            raise ValueError("denoiser is for denoising, which is off")
        if self.engine is RenderEngine.EEVEE:
            named = [name for name in _CYCLES_ONLY if getattr(self, name) is not None]
            if named:
                raise ValueError(f"EEVEE has no {', '.join(named)}")
            if self.device not in (Device.AUTO, Device.GPU):
                raise ValueError(f"EEVEE takes the device that EGL gives it, not {self.device}")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_encoding(self.format, color_depth=self.color_depth, quality=self.quality, depths=_COLOR_DEPTHS)
        if self.resolution_x is not None and self.resolution_y is not None:
            check_pixels(self.resolution_x, self.resolution_y, most=MAX_PIXELS, percentage=self.percentage or 100)
        return self
