"""What a job may ask of Mitsuba. ``None`` always means: what the scene says."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.mitsuba.camera_path import Keyframes, Orbit
from pipelines.pictures import ImageFormat, check_encoding, check_pixels

MAX_SIDE_PX = 65_536
MAX_PIXELS = 7680 * 4320
"""8K UHD. A pass holds every pixel at least once: 1.0 GB were measured for an eighth of it with ten channels."""
MAX_SPP = 1_048_576
MAX_DEPTH = 4096
MAX_SEED = 2**31 - 1
MAX_NAME = 255


class Variant(StrEnum):
    """How Mitsuba computes: device, and colour or whole spectra."""

    AUTO = "auto"
    """RGB on CUDA where there is a GPU, else LLVM, else scalar."""
    AUTO_SPECTRAL = "auto_spectral"
    """The same with spectra."""
    SCALAR_RGB = "scalar_rgb"
    SCALAR_SPECTRAL = "scalar_spectral"
    LLVM_RGB = "llvm_ad_rgb"
    LLVM_SPECTRAL = "llvm_ad_spectral"
    CUDA_RGB = "cuda_ad_rgb"
    CUDA_SPECTRAL = "cuda_ad_spectral"


class IntegratorKind(StrEnum):
    """How light is followed."""

    PATH = "path"
    DIRECT = "direct"
    VOLPATH = "volpath"
    VOLPATHMIS = "volpathmis"
    PTRACER = "ptracer"


class Aov(StrEnum):
    """What an EXR may hold beside the colours, each a layer of that name; means over the pixel's samples."""

    ALBEDO = "albedo"
    NORMAL = "normal"
    """Shading normal in world space, each component -1 to 1."""
    GEOMETRIC_NORMAL = "geometric_normal"
    DEPTH = "depth"
    """Distance from the camera in scene units; 0 where nothing is hit."""
    POSITION = "position"
    UV = "uv"


class ToneMap(StrEnum):
    """How linear light becomes a picture for a screen; the sRGB curve (IEC 61966-2-1) comes last."""

    SRGB = "srgb"
    """Values over 1 are cut off."""
    REINHARD = "reinhard"
    """x / (1 + x) of the luminance: no highlight is cut off."""


class MitsubaSettings(BaseModel):
    """Settings of the ``mitsuba`` pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variant: Variant = Variant.AUTO
    width: Annotated[int, Field(ge=1, le=MAX_SIDE_PX, description="Pixels.")] | None = None
    height: Annotated[int, Field(ge=1, le=MAX_SIDE_PX, description="Pixels.")] | None = None
    spp: Annotated[int, Field(ge=1, le=MAX_SPP, description="Samples of each pixel.")] | None = None
    integrator: IntegratorKind | None = None
    max_depth: (
        Annotated[int, Field(ge=-1, le=MAX_DEPTH, description="Longest path: 1 sees lights only; -1: no limit.")] | None
    ) = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    camera: Annotated[str, Field(min_length=1, max_length=MAX_NAME, description="Id of one of the scene's.")] | None = (
        None
    )
    camera_path: Annotated[Keyframes | Orbit, Field(discriminator="kind")] | None = None
    format: ImageFormat = ImageFormat.PNG
    color_depth: int | None = Field(None, description="Bits a channel: 16 or 32 for exr (None: 16), else 8.")
    quality: Annotated[int, Field(ge=1, le=100, description="Only for jpeg.")] | None = None
    aovs: (
        Annotated[
            tuple[Aov, ...],
            Field(fail_fast=True, max_length=len(Aov), description="Layers beside the colours; only for exr."),
        ]
        | None
    ) = None
    tone_map: Annotated[ToneMap, Field(description="Only for png and jpeg.")] | None = None
    exposure: Annotated[float, Field(ge=-32, le=32, description="Stops; only for png and jpeg.")] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_encoding(self.format, color_depth=self.color_depth, quality=self.quality)
        if self.format is ImageFormat.EXR:
            if self.tone_map is not None or self.exposure is not None:
                raise ValueError("exr holds linear light: tone_map and exposure are for png and jpeg only")
        elif self.aovs:
            raise ValueError(f"aovs are layers of an exr; {self.format} has no place for them")
        self._check_integrator()
        if self.width is not None and self.height is not None:
            check_pixels(self.width, self.height, most=MAX_PIXELS)
        return self

    def _check_integrator(self) -> None:
        if self.aovs is not None and len(set(self.aovs)) < len(self.aovs):
            raise ValueError("aovs names a layer twice")
        if self.integrator is IntegratorKind.DIRECT and self.max_depth is not None:
            raise ValueError("the direct integrator has no max_depth: it follows light for one bounce")
        if self.integrator is IntegratorKind.PTRACER and self.aovs:
            raise ValueError("ptracer follows light from its source and knows no aovs; use path or volpath")
