"""The sound track of a film: fed frame by frame from a WAV, cut to the length of the pictures."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np

from jobs.errors import InvalidInput
from pipelines.sound_format import CHANNELS, RATE_HZ, SAMPLE_BYTES

SoundCodec = Literal["aac", "pcm_s16le", "libopus"]
AAC_BITS_A_SECOND = 192_000
"""Transparent for stereo; Opus needs no more."""
_LAYOUT = "stereo"


class SoundTrack:
    """Opened before the first packet is written; ``feed`` after each picture, ``finish`` behind the last."""

    def __init__(self, output: av.container.OutputContainer, path: Path, codec: SoundCodec) -> None:
        """Raises ``InvalidInput`` for a file that is no WAV as ``pipelines.sound_format`` has it."""
        self._output = output
        self._wave = _opened(path)
        stream = output.add_stream(codec, rate=RATE_HZ)
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{codec} is no audio codec")
        stream.codec_context.layout = _LAYOUT
        if codec != "pcm_s16le":
            stream.codec_context.bit_rate = AAC_BITS_A_SECOND
        self._stream = stream
        self._written = 0

    def feed(self, until_s: Fraction) -> None:
        """Write what belongs to the film's first ``until_s`` seconds and is not written yet."""
        count = int(until_s * RATE_HZ) - self._written
        data = self._wave.readframes(max(0, count))
        samples = np.frombuffer(data, dtype="<i2").reshape(1, -1)
        if not samples.size:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16", layout=_LAYOUT)
        frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), self._written
        self._written += samples.size // CHANNELS
        self._output.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._output.mux(self._stream.encode(None))
        self._wave.close()


def _opened(path: Path) -> wave.Wave_read:
    try:
        found = wave.open(str(path), "rb")  # noqa: SIM115 - closed with the track
    except (wave.Error, EOFError) as error:
        raise InvalidInput(f"The scene's sound is no WAV: {error}") from error
    if (found.getnchannels(), found.getframerate(), found.getsampwidth()) != (CHANNELS, RATE_HZ, SAMPLE_BYTES):
        found.close()
        raise InvalidInput(f"The scene's sound is not {CHANNELS} channels of {RATE_HZ} Hz and 16 bits.")
    return found
