"""Turns prompts into what the model understands, and travels between them. Imported only in the child process."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch

from models.formats.diffusion import Family
from pipelines.diffusion.settings import DiffusionSettings
from pipelines.diffusion.weights import Weights

_KEPT = 64
"""Encoded prompts of one model; some 0.5 MiB each with SDXL in 32 bits."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt and its negative as embeddings; ``pooled`` ones with SDXL only."""

    positive: torch.Tensor
    negative: torch.Tensor
    pooled: torch.Tensor | None = None
    negative_pooled: torch.Tensor | None = None

    def towards(self, other: Encoded, share: float) -> Encoded:
        """Linear interpolation of every number; exactly this one at 0, exactly the other at 1."""
        if share <= 0:
            return self
        if share >= 1:
            return other
        return Encoded(
            torch.lerp(self.positive, other.positive, share),
            torch.lerp(self.negative, other.negative, share),
            _lerp(self.pooled, other.pooled, share),
            _lerp(self.negative_pooled, other.negative_pooled, share),
        )

    def arguments(self) -> dict[str, Any]:
        """For the call of a diffusers pipeline."""
        named = {
            "prompt_embeds": self.positive,
            "negative_prompt_embeds": self.negative,
            "pooled_prompt_embeds": self.pooled,
            "negative_pooled_prompt_embeds": self.negative_pooled,
        }
        return {name: value for name, value in named.items() if value is not None}


class Prompts:
    """Encodes with one set of weights, and remembers the last prompts."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._kept: OrderedDict[tuple[str, str | None], Encoded] = OrderedDict()

    def forget(self) -> None:
        """The text encoder's weights have changed."""
        self._kept.clear()

    def at(self, settings: DiffusionSettings, frame: int) -> Encoded:
        """What a frame shows."""
        before, after, share = around(settings, frame)
        return self._encode(*before).towards(self._encode(*after), share)

    def warnings(self, settings: DiffusionSettings, frame: int) -> list[str]:
        """What the encoders will not see of the frame's prompts."""
        found = []
        pipe = self._weights.text_to_image
        before, after, _ = around(settings, frame)
        for text in sorted({text for text in (*before, *after) if text}):
            limit = pipe.tokenizer.model_max_length
            length = len(pipe.tokenizer(text).input_ids)
            if length > limit:
                found.append(f"A prompt has {length} tokens; the model sees the first {limit}: {text[:60]!r}…")
        return found

    def _encode(self, prompt: str, negative: str | None) -> Encoded:
        key = (prompt, negative)
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return known
        pipe = self._weights.text_to_image
        found = pipe.encode_prompt(
            prompt=prompt,
            negative_prompt=negative,
            device=self._weights.hardware.device.value,
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
        )
        encoded = Encoded(*found[:4]) if self._weights.folder.index.family is Family.SDXL else Encoded(*found[:2])
        self._kept[key] = encoded
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return encoded


def around(settings: DiffusionSettings, frame: int) -> tuple[tuple[str, str | None], tuple[str, str | None], float]:
    """(prompt, negative) before and after a frame, and how far it is from one to the other, 0 to 1."""
    if settings.prompt is not None:
        pair = (settings.prompt, settings.negative_prompt)
        return pair, pair, 0.0
    keyframes = settings.keyframes
    pairs = [
        (each.prompt, settings.negative_prompt if each.negative_prompt is None else each.negative_prompt)
        for each in keyframes
    ]
    for number in range(len(keyframes) - 1):
        begin, end = keyframes[number].frame, keyframes[number + 1].frame
        if frame < end:
            return pairs[number], pairs[number + 1], max(0.0, (frame - begin) / (end - begin))
    return pairs[-1], pairs[-1], 0.0


def _lerp(first: torch.Tensor | None, second: torch.Tensor | None, share: float) -> torch.Tensor | None:
    return None if first is None or second is None else torch.lerp(first, second, share)
