"""What a job may ask of the splat rasteriser."""

from __future__ import annotations

import functools
import json
import math
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from models.manifest import check_path
from pipelines.pictures import ImageFormat, check_encoding, check_pixels
from pipelines.splats.cameras import (
    DEFAULT_SIZE,
    MIN_FOV_DEGREES,
    BadCameras,
    CameraPath,
    check_transform,
    fitted,
    parse_path,
)

MIN_SIDE_PX = 4
MAX_SIDE_PX = 16_384
MAX_PIXELS = 8_192 * 8_192
"""67 million: 1.6 GB of float buffers while a frame is drawn and written."""
MAX_INLINE_CAMERAS_BYTES = 1 << 20
"""Of cameras inside of the settings, as JSON; larger paths are uploaded beside the cloud."""
MAX_WEB_COPY = 2_000_000
"""Gaussians of a copy for the browser: 64 MB."""

Real = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
Channel = Annotated[float, Field(ge=0, le=1)]
Vector = tuple[Real, Real, Real]


class Device(StrEnum):
    AUTO = "auto"
    """CUDA where PyTorch sees a card and gsplat is installed."""
    CPU = "cpu"
    CUDA = "cuda"
    """Refused where there is none; never drawn on the CPU instead."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OrbitCameras(_Settings):
    """A camera on a circle around the cloud; frame 1 is its start, and it turns on past the first turn."""

    type: Literal["orbit"] = "orbit"
    frames_per_turn: Annotated[int, Field(ge=1, le=1_000_000)] = 120
    elevation_degrees: Annotated[float, Field(gt=-90, lt=90, description="Above the plane of the circle.")] = 15.0
    start_degrees: Annotated[float, Field(ge=-360, le=360)] = 0.0
    fov_degrees: Annotated[
        float, Field(ge=MIN_FOV_DEGREES, lt=170, description="From the top of the picture to its bottom.")
    ] = 50.0
    radius: (
        Annotated[float, Field(gt=0, le=1e9, description="Scene units; None: so that the cloud fills the picture.")]
        | None
    ) = None
    target: Vector | None = Field(None, description="What the camera looks at; None: the middle of the cloud.")
    up: Annotated[Vector, Field(description="Away from the ground. INRIA's clouds have y down.")] = (0.0, -1.0, 0.0)

    @model_validator(mode="after")
    def _points_up(self) -> Self:
        if math.hypot(*self.up) < 1e-6:
            raise ValueError("up must not be the zero vector")
        return self


class _PathCameras(_Settings):
    ignore_distortion: bool = Field(
        False, description="Draw the cameras of a distorted lens (k1 … p2) as straight ones; else they are refused."
    )
    transform: Annotated[tuple[tuple[Real, Real, Real, Real], ...], Field(fail_fast=True)] | None = Field(
        None,
        min_length=3,
        max_length=4,
        description="3x4 or 4x4 matrix that brings the cameras into the cloud's world before `scale`: the `transform` "
        "of nerfstudio's dataparser_transforms.json.",
    )
    scale: Annotated[float, Field(gt=0, le=1e9, description="Of camera positions, after `transform`.")] = 1.0

    @model_validator(mode="after")
    def _only_turns_and_shifts(self) -> Self:
        if self.transform is not None:
            try:
                check_transform(self.transform)
            except BadCameras as error:
                raise ValueError(f"{error} Put the scale into `scale`.") from error
        return self


class FileCameras(_PathCameras):
    """A nerfstudio camera path or transforms.json that was uploaded with the cloud."""

    type: Literal["file"]
    path: Annotated[str, AfterValidator(check_path)]
    """Manifest path."""


class InlineCameras(_PathCameras):
    """The same JSON inside of the settings."""

    type: Literal["inline"]
    data: dict[str, Any]

    @model_validator(mode="after")
    def _is_a_path(self) -> Self:
        try:
            size = len(json.dumps(self.data, allow_nan=False))  # it is stored, and NaN is no JSON
        except ValueError as error:
            raise ValueError("inline cameras hold a number that is none (NaN or infinite)") from error
        if size > MAX_INLINE_CAMERAS_BYTES:
            raise ValueError(
                f"inline cameras of {size} bytes; at most {MAX_INLINE_CAMERAS_BYTES} are allowed. Upload them beside "
                "the cloud, and name the file."
            )
        try:
            path = self.parsed
        except BadCameras as error:
            raise ValueError(str(error)) from error
        check_distortion(path.distorted, self)
        return self

    @functools.cached_property
    def parsed(self) -> CameraPath:
        """Read once: of 2,000 cameras it takes 0.13 s, and every frame asks."""
        return parse_path(self.data)


Cameras = Annotated[OrbitCameras | FileCameras | InlineCameras, Field(discriminator="type")]


class SplatsSettings(_Settings):
    """Settings of the ``splats`` pipeline."""

    width: Annotated[int, Field(ge=MIN_SIDE_PX, le=MAX_SIDE_PX)] | None = Field(
        None,
        description="Pixels. None: after the height and the cameras' shape, or as the cameras say; an orbit: 1280x720.",
    )
    height: Annotated[int, Field(ge=MIN_SIDE_PX, le=MAX_SIDE_PX)] | None = None
    cameras: Cameras = Field(
        OrbitCameras(), description="Absent: the model's camera file where it has exactly one, else an orbit."
    )
    device: Device = Device.AUTO
    sh_degree: Annotated[int, Field(ge=0, le=3, description="Higher bands of the colours are left out.")] = 3
    antialiased: bool | None = Field(
        None, description="Mip-Splatting's screen-space filter. None: as the cloud's file says it was trained."
    )
    background: tuple[Channel, Channel, Channel] = Field((0.0, 0.0, 0.0), description="sRGB, 0 to 1.")
    transparent: bool = Field(False, description="No background, but an alpha channel; png and exr.")
    depth: bool = Field(
        False,
        description="Mean depth along the view, scene units: channel Z of an exr, else a 16-bit PNG beside the frame.",
    )
    depth_unit: Annotated[
        float, Field(gt=0, le=1e6, description="Scene units of one step of the 16-bit PNG; 0 is nothing there.")
    ] = 0.001
    near: Annotated[float, Field(gt=0, le=1e9, description="Scene units; what is nearer is not drawn.")] = 0.01
    far: Annotated[float, Field(gt=0, le=1e10)] = 1e10
    format: ImageFormat = ImageFormat.PNG
    color_depth: int | None = Field(None, description="Bits a channel: 8 for png and jpeg, 16 (default) or 32 for exr.")
    quality: Annotated[int, Field(ge=1, le=100, description="Only for jpeg.")] | None = None
    web_copy: Annotated[int, Field(ge=1, le=MAX_WEB_COPY)] | None = Field(
        None, description="Write beside each frame a .splat of at most so many gaussians; meant for a job of one frame."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_encoding(self.format, color_depth=self.color_depth, quality=self.quality)
        if self.transparent and self.format is ImageFormat.JPEG:
            raise ValueError("jpeg has no alpha channel; transparent needs png or exr")
        if self.transparent and self.background != (0.0, 0.0, 0.0):
            raise ValueError("a transparent picture has no background; leave one of the two out")
        if self.depth_unit != 0.001 and (not self.depth or self.format is ImageFormat.EXR):
            raise ValueError("depth_unit is for depth beside a png or jpeg; an exr holds scene units")
        if self.near >= self.far:
            raise ValueError("near must be less than far")
        size = self.size_of(self.own_size())
        if size is not None:
            check_size(*size)
        return self

    def own_size(self) -> tuple[int, int] | None:
        """Of the cameras' pictures, where these settings know them and they are alike: a file's are known once it is
        read."""
        if isinstance(self.cameras, InlineCameras):
            return self.cameras.parsed.one_size
        return DEFAULT_SIZE if isinstance(self.cameras, OrbitCameras) else None

    def size_of(self, own: tuple[int, int] | None) -> tuple[int, int] | None:
        """Of the frames, for cameras of that size; None: the cameras must be known."""
        if self.width is not None and self.height is not None:
            return self.width, self.height
        return None if own is None else fitted(own, self.width, self.height)


def check_distortion(distorted: bool, cameras: FileCameras | InlineCameras) -> None:
    """Raise ``ValueError`` where a lens is distorted and the job does not say that this may be ignored."""
    if distorted and not cameras.ignore_distortion:
        raise ValueError(
            "the cameras' lens is distorted (k1 … p2), and frames are drawn without distortion: set "
            "cameras.ignore_distortion to accept that"
        )


def check_size(width: int, height: int) -> None:
    """Raise ``ValueError`` for a picture too large to hold."""
    if not (MIN_SIDE_PX <= width <= MAX_SIDE_PX and MIN_SIDE_PX <= height <= MAX_SIDE_PX):
        raise ValueError(f"{width}x{height}: each side must have {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels")
    check_pixels(width, height, most=MAX_PIXELS)
