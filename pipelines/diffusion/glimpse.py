"""What a frame looks like between two of its steps. Imported only in the child process."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipelines.diffusion.weights import Weights
from pipelines.live_preview import LONGEST_SIDE


def glimpse(weights: Weights, latents: Any) -> npt.NDArray[np.uint8]:
    """The first of ``latents`` (batch, channels, height, width), made small and decoded: (height, width, 3) sRGB.

    The latents are left as they are, and nothing random is drawn: the frame's own pixels do not change. Raises
    ``ValueError`` for numbers that are none, as XL's decoder makes of 16 bits.
    """
    pipe = weights.text_to_image
    small = latents[:1]
    height, width = small.shape[2:]
    most = LONGEST_SIDE // pipe.vae_scale_factor
    shrink = max(height, width) / most
    if shrink > 1:
        size = max(1, round(height / shrink)), max(1, round(width / shrink))
        small = torch.nn.functional.interpolate(small.float(), size=size, mode="area")
    vae = pipe.vae
    decoded = vae.decode(small.to(vae.dtype) / vae.config.scaling_factor, return_dict=False)[0]
    values = (decoded[0].float() / 2 + 0.5).permute(1, 2, 0).cpu().numpy()
    if not np.isfinite(values).all():
        raise ValueError("the decoder computed numbers that are none")
    shown: npt.NDArray[np.uint8] = (np.clip(values, 0.0, 1.0) * 255).round().astype(np.uint8)
    return shown
