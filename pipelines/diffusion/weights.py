"""Opens a checked folder of weights with the classes that it is allowed to name. Imported only in the child process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import transformers

from jobs.states import EndReason
from models.errors import ModelInvalid
from models.formats.diffusion import DiffusionFolder, Family, inspect_folder
from pipelines.base import ModelFiles
from pipelines.diffusion.hardware import Hardware, is_out_of_memory
from pipelines.diffusion.settings import MAX_PIXELS
from pipelines.errors import EngineError
from pipelines.pictures import check_pixels

_DAMAGED = "Check the folder with diffusers, save it again with save_pretrained(folder), and upload that."
_MODELS: dict[str, Any] = {
    "unet": diffusers.UNet2DConditionModel,
    "vae": diffusers.AutoencoderKL,
    "text_encoder": transformers.CLIPTextModel,
    "text_encoder_2": transformers.CLIPTextModelWithProjection,
}
_GUIDANCE = {Family.SD: 7.5, Family.SDXL: 5.0}
_TOKENIZERS = ("tokenizer", "tokenizer_2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A pipeline whose weights are loaded, in both of its ways of use; they share every number."""

    folder: DiffusionFolder
    hardware: Hardware
    text_to_image: Any
    image_to_image: Any
    scheduler_class: str
    scheduler_config: dict[str, Any]
    native_size: tuple[int, int]
    """Width and height in pixels that the model was trained for."""

    @property
    def default_guidance(self) -> float:
        """What the models of this family are made for, and what diffusers takes."""
        return _GUIDANCE[self.folder.index.family]

    @property
    def modules(self) -> dict[str, Any]:
        """What a LoRA may change, by component."""
        return {name: part for name, part in self.text_to_image.components.items() if name in _MODELS and part}


def check_files(model: ModelFiles) -> DiffusionFolder:
    """Look at every file's header before any library opens one. Raises ``EngineError``."""
    try:
        return inspect_folder(model.root, model.main)
    except ModelInvalid as error:
        raise EngineError(EndReason.MODEL_INVALID, error.message, remedy=error.remedy) from error
    except OSError as error:
        raise EngineError(EndReason.MODEL_INVALID, f"The model's files cannot be read: {error.strerror}.") from error


def open_weights(model: ModelFiles, folder: DiffusionFolder, hardware: Hardware) -> Weights:
    """Load everything onto the device. Raises ``EngineError`` for weights that do not fit their configuration."""
    base = model.root / folder.folder
    components: dict[str, Any] = {}
    for name in folder.index.components:
        try:
            components[name] = _open(name, folder, base / name, hardware)
        except EngineError:
            raise
        except Exception as error:  # the libraries raise whatever a wrong number leads to
            if is_out_of_memory(error):
                raise MemoryError(f"The model's {name} does not fit: {error}") from error
            words = str(error).replace(str(model.root), "").strip().splitlines() or [""]
            raise EngineError(
                EndReason.MODEL_INVALID,
                f"The model's {name} does not open: {type(error).__name__}: {words[0][:500]}",
                remedy=_DAMAGED,
            ) from error
    scheduler = components["scheduler"]
    text_to_image, image_to_image = _assemble(folder, components)
    for pipe in (text_to_image, image_to_image):
        pipe.set_progress_bar_config(disable=True)
    return Weights(
        folder=folder,
        hardware=hardware,
        text_to_image=text_to_image,
        image_to_image=image_to_image,
        scheduler_class=type(scheduler).__name__,
        scheduler_config=dict(scheduler.config),
        native_size=_native_size(text_to_image),
    )


def _open(name: str, folder: DiffusionFolder, path: Path, hardware: Hardware) -> Any:
    if name == "scheduler":
        return getattr(diffusers, folder.index.components[name]).from_pretrained(path, local_files_only=True)
    if name in _TOKENIZERS:
        return transformers.CLIPTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    library = _MODELS[name]
    typed = {"torch_dtype" if library.__module__.startswith("diffusers") else "dtype": hardware.torch_type}
    module, report = library.from_pretrained(
        path,
        local_files_only=True,
        use_safetensors=True,
        variant="fp16" if folder.half else None,
        output_loading_info=True,
        **typed,
    )
    if missing := sorted(report["missing_keys"]):
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"The model's {name} lacks {len(missing)} of its weights, such as {missing[0]}.",
            remedy=_DAMAGED,
        )
    return module.to(hardware.device.value).eval().requires_grad_(False)


def _assemble(folder: DiffusionFolder, components: dict[str, Any]) -> tuple[Any, Any]:
    index = folder.index
    if index.family is Family.SD:
        parts = {**components, "safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        return diffusers.StableDiffusionPipeline(**parts), diffusers.StableDiffusionImg2ImgPipeline(**parts)
    zeros = index.options.get("force_zeros_for_empty_prompt", True)
    parts = {**components, "force_zeros_for_empty_prompt": zeros, "add_watermarker": False}
    if index.options.get("requires_aesthetics_score"):
        raise EngineError(
            EndReason.MODEL_INVALID,
            "The model is an SDXL refiner, which works on the latents of another model.",
            remedy="Register the base model.",
        )
    return diffusers.StableDiffusionXLPipeline(**parts), diffusers.StableDiffusionXLImg2ImgPipeline(**parts)


def _native_size(pipe: Any) -> tuple[int, int]:
    size = pipe.unet.config.sample_size
    height, width = size if isinstance(size, list | tuple) else (size, size)
    try:
        pixels = int(width) * pipe.vae_scale_factor, int(height) * pipe.vae_scale_factor
        check_pixels(*pixels, most=MAX_PIXELS)
    except (TypeError, ValueError) as error:
        raise EngineError(
            EndReason.MODEL_INVALID, f"The model's own picture size is not usable: {error}", remedy=_DAMAGED
        ) from error
    return pixels
