"""The sound of a film on its way from an engine to the encoder. Shared by parent and child."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FILE_NAME = "sound.wav"
RATE_HZ = 48_000
CHANNELS = 2
SAMPLE_BYTES = 2
"""PCM, signed 16 bits."""
MAX_SECONDS = 4 * 3600
"""Of one film's sound: 2.8 GB; a WAV's own limit is 4 GiB."""

Number = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


class SoundRange(BaseModel):
    """What is mixed: from the beginning of the first frame to the end of the last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Number
    last: Number

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last frame comes before the first")
        return self
