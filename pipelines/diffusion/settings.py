"""What a job may ask of the diffusion pipeline. ``None`` always means: what the model says, or what is named there."""

from __future__ import annotations

import itertools
import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from models.manifest import ManifestPath
from pipelines.pictures import check_pixels

SIDE_STEP_PX = 8
"""A latent cell is 8x8 pixels."""
MIN_SIDE_PX = 64
MAX_SIDE_PX = 4096
MAX_PIXELS = 2048 * 2048
"""Attention and the decoder's buffers grow with it: 2048x2048 takes some 20 GiB in 32 bits with SDXL's shapes."""
MAX_STEPS = 500
MAX_LCM_STEPS = 50
"""Of LCM's schedule (``original_inference_steps``), unless the model's own is an LCM and says otherwise."""
MAX_SEED = 2**32 - 1
MAX_PROMPT = 4000
"""Characters; an encoder sees the first 77 tokens (some 300 characters), and says when there are more."""
MAX_KEYFRAMES = 1000
MAX_LORAS = 8
MAX_LORA_WEIGHT = 10.0
DEFAULT_STEPS = 30
DEFAULT_STRENGTH = 0.8
LOSSY_QUALITY = 90
"""Of jpeg and webp where the job names none."""
NUMBER = re.compile(r"#+")
"""In the path of a picture: the frame's number, padded with zeros to as many digits."""


class ImageFormat(StrEnum):  # no exr: what a decoder makes is no linear light
    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class Device(StrEnum):
    CPU = "cpu"
    CUDA = "cuda"
    """Refused where there is none."""
    AUTO = "auto"
    """CUDA where there is one; the frame's metrics say which it was."""


class Precision(StrEnum):
    AUTO = "auto"
    """fp16 on CUDA, fp32 on a CPU."""
    FP32 = "fp32"
    FP16 = "fp16"
    """Refused on a CPU, which computes it slowly or not at all."""
    BF16 = "bf16"


class Sampler(StrEnum):
    """Named as in `pipelines.diffusion.schedulers`."""

    DDIM = "ddim"
    DDPM = "ddpm"
    PNDM = "pndm"
    LCM = "lcm"
    EULER = "euler"
    EULER_ANCESTRAL = "euler_ancestral"
    HEUN = "heun"
    DPM2 = "dpm2"
    DPM2_ANCESTRAL = "dpm2_ancestral"
    DPMPP_2M = "dpmpp_2m"
    DPMPP_2M_KARRAS = "dpmpp_2m_karras"
    DPMPP_2S = "dpmpp_2s"
    UNIPC = "unipc"
    DEIS = "deis"


class SeedMode(StrEnum):
    FIXED = "fixed"
    """Every frame begins with the same noise."""
    STEP = "step"
    """The seed of a frame is the job's seed plus its number (modulo 2^32)."""


def _side(value: int) -> int:
    if value % SIDE_STEP_PX:
        raise ValueError(f"must be a multiple of {SIDE_STEP_PX} pixels; the nearest is {round(value / 8) * 8}")
    return value


Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]
Side = Annotated[int, Field(ge=MIN_SIDE_PX, le=MAX_SIDE_PX), AfterValidator(_side)]


class Keyframe(BaseModel):
    """What the picture shows at one frame; between two keyframes the meaning of one turns into that of the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: int
    prompt: Prompt
    negative_prompt: Prompt | None = None
    """None: the job's."""


class Lora(BaseModel):
    """A small change of the weights, from a file of the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: ManifestPath
    weight: Annotated[float, Field(ge=-MAX_LORA_WEIGHT, le=MAX_LORA_WEIGHT)] = 1.0


class DiffusionSettings(BaseModel):
    """Settings of the ``diffusion`` pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Prompt | None = None
    keyframes: tuple[Keyframe, ...] = Field(
        (),
        fail_fast=True,
        max_length=MAX_KEYFRAMES,
        description="Instead of a prompt: prompts by frame, in rising order.",
    )
    negative_prompt: Prompt | None = None
    width: Side | None = Field(None, description="Pixels, with height. None: the model's own, or the picture's.")
    height: Side | None = None
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] = DEFAULT_STEPS
    guidance_scale: Annotated[float, Field(ge=0, le=50)] | None = Field(
        None, description="How closely the prompt is followed; 1 or less: not at all steered. None: 7.5, with SDXL 5."
    )
    scheduler: Sampler | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = Field(
        None, description="None: made from the model and the settings."
    )
    seed_mode: SeedMode | None = Field(None, description="None: fixed with keyframes, else step.")
    init_image: ManifestPath | None = Field(
        None,
        description="Image to image: a picture among the model's files. `####` stands for the frame's number.",
    )
    strength: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description=f"How much of init_image may change. None: {DEFAULT_STRENGTH}."
    )
    loras: Annotated[tuple[Lora, ...], Field(fail_fast=True, max_length=MAX_LORAS)] = ()
    device: Device = Device.AUTO
    dtype: Precision = Precision.AUTO
    format: ImageFormat = ImageFormat.PNG
    quality: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None, description=f"Only for jpeg and webp. None: {LOSSY_QUALITY}."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.prompt is None) == (not self.keyframes):
            raise ValueError("give either a prompt or keyframes")
        frames = [keyframe.frame for keyframe in self.keyframes]
        if any(later <= earlier for earlier, later in itertools.pairwise(frames)):
            raise ValueError("the frames of keyframes must rise, each named once")
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together")
        if self.width is not None and self.height is not None:
            check_pixels(self.width, self.height, most=MAX_PIXELS)
        if self.init_image is None:
            if self.strength is not None:
                raise ValueError("strength is for image to image only; name an init_image")
        elif int(self.steps * self.effective_strength) < 1:
            raise ValueError(f"a strength of {self.effective_strength} leaves none of {self.steps} steps; raise either")
        elif len(NUMBER.findall(self.init_image)) > 1:
            raise ValueError("init_image may hold one run of # for the frame's number")
        if self.scheduler is Sampler.LCM and self.steps > MAX_LCM_STEPS:
            raise ValueError(f"lcm has at most {MAX_LCM_STEPS} steps (it is made for 4 to 8), not {self.steps}")
        negatives = [self.negative_prompt, *(keyframe.negative_prompt for keyframe in self.keyframes)]
        if self.guidance_scale is not None and self.guidance_scale <= 1 and any(negatives):
            raise ValueError("a negative_prompt has no effect with a guidance_scale of 1 or less")
        if self.dtype is Precision.FP16 and self.device is Device.CPU:
            raise ValueError("fp16 is for CUDA; a CPU takes fp32 or bf16")
        if self.quality is not None and self.format is ImageFormat.PNG:
            raise ValueError("quality is for jpeg and webp only; png is lossless")
        paths = [lora.path for lora in self.loras]
        if len(set(paths)) != len(paths):
            raise ValueError("a LoRA is named twice; add up its weights")
        return self

    @property
    def effective_strength(self) -> float:
        return DEFAULT_STRENGTH if self.strength is None else self.strength

    @property
    def effective_seed_mode(self) -> SeedMode:
        if self.seed_mode is not None:
            return self.seed_mode
        return SeedMode.FIXED if self.keyframes else SeedMode.STEP

    def init_image_of(self, frame: int) -> str | None:
        """Manifest path of a frame's initial picture."""
        if self.init_image is None:
            return None
        return NUMBER.sub(lambda digits: f"{frame:0{len(digits[0])}d}", self.init_image)
