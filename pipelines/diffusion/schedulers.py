"""The ways to walk from noise to a picture, by the names that a job uses. Imported only in the child process."""

from __future__ import annotations

from typing import Any

import diffusers

from jobs.states import EndReason
from pipelines.diffusion.settings import Sampler
from pipelines.diffusion.weights import Weights
from pipelines.errors import EngineError

_CLASSES: dict[Sampler, tuple[Any, dict[str, Any]]] = {
    Sampler.DDIM: (diffusers.DDIMScheduler, {}),
    Sampler.DDPM: (diffusers.DDPMScheduler, {}),
    Sampler.PNDM: (diffusers.PNDMScheduler, {"skip_prk_steps": True}),
    Sampler.LCM: (diffusers.LCMScheduler, {}),
    Sampler.EULER: (diffusers.EulerDiscreteScheduler, {}),
    Sampler.EULER_ANCESTRAL: (diffusers.EulerAncestralDiscreteScheduler, {}),
    Sampler.HEUN: (diffusers.HeunDiscreteScheduler, {}),
    Sampler.DPM2: (diffusers.KDPM2DiscreteScheduler, {}),
    Sampler.DPM2_ANCESTRAL: (diffusers.KDPM2AncestralDiscreteScheduler, {}),
    Sampler.DPMPP_2M: (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": False}),
    Sampler.DPMPP_2M_KARRAS: (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    Sampler.DPMPP_2S: (diffusers.DPMSolverSinglestepScheduler, {}),
    Sampler.UNIPC: (diffusers.UniPCMultistepScheduler, {}),
    Sampler.DEIS: (diffusers.DEISMultistepScheduler, {}),
}


def new_scheduler(weights: Weights, wanted: Sampler | None, *, steps: int) -> Any:
    """A fresh one for one frame (they carry state), with the model's own noise schedule; None: the model's own.

    Raises ``EngineError`` where it cannot take so many steps.
    """
    own: tuple[Any, dict[str, Any]] = (getattr(diffusers, weights.scheduler_class), {})
    kind, more = own if wanted is None else _CLASSES[wanted]
    config = {**weights.scheduler_config, **more}
    try:
        kind.from_config(config).set_timesteps(steps)
    except ValueError as error:  # LCM: more steps than it was distilled with; any: more than the model was trained with
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"The model's {kind.__name__} cannot take {steps} steps: {error}",
            remedy="Lower steps, or name another scheduler.",
        ) from error
    return kind.from_config(config)
