"""What a person may ask to be made of a job's finished frames: the steps and their settings, each option named."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, field_validator, model_validator

from jobs.errors import InvalidInput
from jobs.frames import FrameRange

MAX_STEP_FRAMES = 1000
"""Frames of one step that makes a file of each; a longer job is asked for in ranges."""
MAX_FILM_FRAMES = 100_000
"""Frames of one film: over an hour at 24 a second."""

VideoCodec = Literal["h264", "hevc", "av1", "prores"]
FilmAudio = Literal["auto", "scene", "none"]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: str | None = Field(
        None, max_length=65_536, description="Of these frames of the job, as 1-10,15; absent: all of them."
    )

    @field_validator("frames")
    @classmethod
    def _frames_parse(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                FrameRange.parse(text)
            except InvalidInput as error:
                raise ValueError(str(error)) from error
        return text

    @property
    def most_frames(self) -> int:
        """How many frames one such step takes."""
        return MAX_STEP_FRAMES


class DenoiseStep(_Step):
    """Remove the noise of too few samples (Open Image Denoise). EXR stays EXR in linear light; all else becomes PNG."""

    step: Literal["denoise"]
    quality: Literal["fast", "balanced", "high"] = "high"
    guides: Literal["auto", "none"] = Field(
        "auto", description="`auto`: albedo and normal where the EXR has such layers; `none`: the colour alone."
    )


class UpscaleStep(_Step):
    """Enlarge each frame to a PNG."""

    step: Literal["upscale"]
    factor: Literal[2, 3, 4] = 2
    method: Literal["auto", "animevideo", "photo", "lanczos"] = Field(
        "auto",
        description="`animevideo`, `photo` (4 only): networks of Real-ESRGAN; `lanczos`: a plain filter; `auto`: "
        "`animevideo` where it is installed, else `lanczos`. The result says which it was.",
    )

    @model_validator(mode="after")
    def _photo_is_fourfold(self) -> UpscaleStep:
        if self.method == "photo" and self.factor != 4:
            raise ValueError("method `photo` enlarges by 4 only; give factor 4, or method `animevideo`.")
        return self


class ToneMapStep(_Step):
    """Bring linear light onto a screen: a PNG of each frame. Frames that are no EXR are decoded from sRGB first."""

    step: Literal["tonemap"]
    exposure: StrictFloat = Field(0.0, ge=-20, le=20, description="Stops: +1 is twice as bright.")
    curve: Literal["srgb", "filmic", "reinhard"] = Field(
        "srgb",
        description="`srgb`: clipped at white; `filmic`: Hable's curve with a soft shoulder; `reinhard`: x/(1+x).",
    )
    lut: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="Digest of an uploaded `.cube` file (3D), laid over the picture after the curve.",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_no_ocio(cls, given: Any) -> Any:
        asked = sorted(name for name in given if str(name).startswith("ocio")) if isinstance(given, dict) else []
        if asked:
            raise ValueError(
                f"{asked[0]}: OpenColorIO configurations are not taken; bake the view into a 3D `.cube` "
                "(`ociobakelut --format iridas_cube`), upload it, and name it as `lut`."
            )
        return given


class ContactSheetStep(_Step):
    """One picture of many frames, in the order of their numbers; of more than fit, evenly spread ones."""

    step: Literal["contact_sheet"]
    columns: StrictInt | None = Field(None, ge=1, le=50, description="Absent: about as many as rows.")
    cell_width: StrictInt = Field(320, ge=32, le=1024, description="Pixels.")
    labels: StrictBool = Field(True, description="The frame's number below it.")

    @property
    def most_frames(self) -> int:
        return MAX_FILM_FRAMES


class CompareStep(_Step):
    """Each frame against a reference: PSNR, SSIM, FLIP and a heat map. EXR is compared as it looks in sRGB."""

    step: Literal["compare"]
    with_job: UUID | None = Field(None, description="A job of the project; its frame of the same number.")
    with_frame: StrictInt | None = Field(None, description="One frame for all, of `with_job` or else of this job.")

    @model_validator(mode="after")
    def _names_a_reference(self) -> CompareStep:
        if self.with_job is None and self.with_frame is None:
            raise ValueError("name a reference: `with_job`, `with_frame`, or both.")
        return self


class VideoStep(_Step):
    """A film of the frames."""

    step: Literal["video"]
    codec: VideoCodec = "h264"
    fps: StrictFloat | None = Field(
        None, ge=0.01, le=240, description="Frames per second; the scene's own when absent."
    )
    audio: FilmAudio = Field(
        "auto",
        description="`auto`: the scene's sound where it has any, the frames follow each other and the film plays at "
        "the scene's rate; `scene`: the same, refused where it cannot be; `none`: a silent film.",
    )

    @property
    def most_frames(self) -> int:
        return MAX_FILM_FRAMES


PostStep = Annotated[
    DenoiseStep | UpscaleStep | ToneMapStep | ContactSheetStep | CompareStep | VideoStep, Field(discriminator="step")
]
