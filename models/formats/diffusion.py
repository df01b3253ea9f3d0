"""Looks at a folder of diffusion weights without trusting it: no pickle, no code, no class that is not on a list.

Layout (of diffusers): `model_index.json` names the pipeline's class and, for each component, a library and a class;
each component has a folder of its own with a `config.json` and weights in `*.safetensors`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from models.errors import ModelInvalid
from models.formats.safetensors import inspect_safetensors, looks_like_a_pickle, refuse_pickle

MAX_CONFIG_BYTES = 1 << 20
"""Of `model_index.json` and each `config.json`; real ones have some kilobytes."""
MAX_FILES = 10_000
"""Of one folder of weights, its LoRAs and its pictures."""
MAIN_FILE = "model_index.json"


class Family(StrEnum):
    """How a pipeline is put together."""

    SD = "sd"
    """Stable Diffusion 1 and 2: one text encoder."""
    SDXL = "sdxl"
    """Stable Diffusion XL: two."""


FAMILIES: Mapping[str, Family] = {
    "StableDiffusionPipeline": Family.SD,
    "StableDiffusionImg2ImgPipeline": Family.SD,
    "StableDiffusionXLPipeline": Family.SDXL,
    "StableDiffusionXLImg2ImgPipeline": Family.SDXL,
}
"""Pipeline classes that are run; each does both text to image and image to image."""
SCHEDULERS = frozenset(
    f"{name}Scheduler"
    for name in (
        *("DDIM", "DDPM", "PNDM", "LCM", "EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete", "KDPM2Discrete"),
        *("KDPM2AncestralDiscrete", "DPMSolverMultistep", "DPMSolverSinglestep", "UniPCMultistep", "DEISMultistep"),
    )
)
"""Scheduler classes of diffusers that need no further library."""

_TOKENIZERS = frozenset({("transformers", "CLIPTokenizer"), ("transformers", "CLIPTokenizerFast")})
_REQUIRED: Mapping[str, frozenset[tuple[str, str]]] = {
    "unet": frozenset({("diffusers", "UNet2DConditionModel")}),
    "vae": frozenset({("diffusers", "AutoencoderKL")}),
    "text_encoder": frozenset({("transformers", "CLIPTextModel")}),
    "tokenizer": _TOKENIZERS,
    "scheduler": frozenset(("diffusers", name) for name in SCHEDULERS),
}
_REQUIRED_XL: Mapping[str, frozenset[tuple[str, str]]] = {
    **_REQUIRED,
    "text_encoder_2": frozenset({("transformers", "CLIPTextModelWithProjection")}),
    "tokenizer_2": _TOKENIZERS,
}
_NEVER_LOADED: Mapping[str, frozenset[tuple[str, str]]] = {
    "safety_checker": frozenset({("stable_diffusion", "StableDiffusionSafetyChecker")}),
    "feature_extractor": frozenset({("transformers", "CLIPImageProcessor"), ("transformers", "CLIPFeatureExtractor")}),
    "image_encoder": frozenset({("transformers", "CLIPVisionModelWithProjection")}),
}
"""May be named, so that folders as they are published pass; only the frame's own components are opened."""
_OPTIONS = frozenset(
    {"requires_safety_checker", "force_zeros_for_empty_prompt", "requires_aesthetics_score", "add_watermarker"}
)
_NOTES = frozenset({"_diffusers_version", "_name_or_path", "_class_name"})

_WEIGHTS: Mapping[str, str] = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
}
"""Component to the name of its weight file, without its ending."""
_HALF = "fp16"
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz"})
_CODE = frozenset({".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".sh"})
_WELCOME = frozenset({".json", ".txt", ".safetensors", ".md", ".yaml", ".yml", ".png", ".jpg", ".jpeg", ".webp", ""})
"""No ending: LICENSE, .gitattributes."""
_RUNS_CODE = ("auto_map", "custom_pipeline", "custom_pipelines", "trust_remote_code")
_OTHER_WEIGHTS = ("transformers_weights",)
"""Where a configuration may name the file of its weights, instead of the one that is looked at here."""
_ADAPTER = "adapter_config.json"
"""With it, transformers loads the weights that it names in place of those beside it, where it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionIndex:
    """What `model_index.json` says, as far as it is used."""

    family: Family
    pipeline_class: str
    components: Mapping[str, str]
    """Name to class, of those that are loaded."""
    options: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionFolder:
    """A whole folder of weights that may be opened."""

    index: DiffusionIndex
    folder: str
    """Manifest path of the folder that holds `model_index.json`; "" for the top."""
    half: bool
    """Only 16-bit copies of the weights are there (`….fp16.safetensors`)."""
    weight_bytes: int
    loras: tuple[str, ...]
    """Manifest paths of safetensors files that are no component's weights."""
    pictures: tuple[str, ...]
    """Manifest paths of what may be an initial picture."""


def inspect_index(path: Path) -> DiffusionIndex:
    """Read `model_index.json` alone; raises ``ModelInvalid`` for what this farm does not run."""
    table = _read_config(path, path.name)
    name = table.get("_class_name")
    if not isinstance(name, str) or name not in FAMILIES:
        _refuse(
            f"{path.name} names the pipeline {str(name)[:200]!r}, which this farm does not run.",
            f"Use a folder of one of: {', '.join(sorted(FAMILIES))}.",
        )
    required = _REQUIRED_XL if FAMILIES[name] is Family.SDXL else _REQUIRED
    components: dict[str, str] = {}
    options: dict[str, bool] = {}
    for key, value in table.items():
        if key in _NOTES:
            continue
        if key in _OPTIONS and isinstance(value, bool):
            options[key] = value
        elif key in _OPTIONS and value is None:
            continue
        elif key in required or key in _NEVER_LOADED:
            allowed = required.get(key) or _NEVER_LOADED[key]
            pair = tuple(value) if isinstance(value, list) else (value,)
            if pair == (None, None):
                continue
            if not all(isinstance(part, str) for part in pair) or pair not in allowed:
                _refuse(
                    f"{path.name} wants {key} to be {str(value)[:200]}, which is not on this farm's list.",
                    f"It may be one of: {', '.join(sorted('.'.join(each) for each in allowed))}.",
                )
            if key in required:
                components[key] = pair[1]
        else:
            _refuse(
                f"{path.name} has the entry {key[:200]!r}, which {name} does not take.",
                "Custom pipelines and components are not run; save the pipeline without it.",
            )
    if lacking := sorted(set(required) - set(components)):
        _refuse(
            f"{path.name} names no {', '.join(lacking)}, which {name} needs.",
            "Save the whole pipeline with save_pretrained(folder).",
        )
    return DiffusionIndex(family=FAMILIES[name], pipeline_class=name, components=components, options=options)


def inspect_folder(root: Path, main: str) -> DiffusionFolder:
    """Check every file of a model; ``main``: manifest path of its `model_index.json`. Raises ``ModelInvalid``.

    Reads headers and configurations only: gigabytes of weights take milliseconds.
    """
    index = inspect_index(root / main)
    base = PurePosixPath(main).parent
    names = _files_of(root)
    for name in names:
        _check_file(root / name, name)
    weights: list[str] = []
    half = False
    for component, stem in _WEIGHTS.items():
        if component in index.components:
            found, is_half = _weights_of(root, base / component, stem, names)
            weights += found
            half = half or is_half
    if half and (full := [name for name in weights if f".{_HALF}." not in name and f".{_HALF}-" not in name]):
        _refuse(
            f"Some weights are there only as {_HALF}, others only in full ({full[0]}).",
            f"Upload either all full weights or all {_HALF} ones.",
        )
    known = {str(base / component) for component in (*index.components, *_NEVER_LOADED)}
    loras = [name for name in names if name.endswith(".safetensors") and str(PurePosixPath(name).parent) not in known]
    return DiffusionFolder(
        index=index,
        folder="" if str(base) == "." else str(base),
        half=half,
        weight_bytes=sum((root / name).stat().st_size for name in weights),
        loras=tuple(loras),
        pictures=tuple(
            name for name in names if PurePosixPath(name).suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")
        ),
    )


def _files_of(root: Path) -> list[str]:
    names: list[str] = []
    for path in root.rglob("*"):
        if path.is_dir():
            continue
        if len(names) == MAX_FILES:
            _refuse(f"The model has more than {MAX_FILES:,} files.", "Upload one pipeline's folder, not a collection.")
        names.append(path.relative_to(root).as_posix())
    return sorted(names)


def _check_file(path: Path, name: str) -> None:
    ending = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(8)
    if ending in _PICKLES or looks_like_a_pickle(head):
        refuse_pickle(name)
    if ending in _CODE:
        _refuse(f"{name} is code; this farm runs no code that comes with a model.", "Take it out of the folder.")
    if ending not in _WELCOME:
        _refuse(
            f"{name} is no kind of file that a diffusion model consists of here ({ending}).",
            f"Take it out of the folder; {', '.join(sorted(_WELCOME - {''}))} are taken.",
        )
    if ending == ".safetensors":
        inspect_safetensors(path, name=name)
    if path.name == "config.json" or path.name.endswith("_config.json"):
        table = _read_config(path, name)
        for key in _RUNS_CODE:
            if table.get(key):
                _refuse(
                    f"{name} asks for code of its own ({key}), which this farm does not run.",
                    "Use a model whose classes diffusers and transformers bring themselves.",
                )
        if other := next((key for key in _OTHER_WEIGHTS if table.get(key)), None):
            _refuse(f"{name} names weights of its own ({other}).", "Save the model with save_pretrained(folder).")
        if path.name == _ADAPTER:
            _refuse(f"{name} belongs to an adapter, which is not a whole model.", "Merge it, or send it as a LoRA.")
        if table.get("quantization_config"):
            _refuse(f"{name} describes quantized weights, which are not read here.", "Save the weights unquantized.")


def _weights_of(root: Path, folder: PurePosixPath, stem: str, names: list[str]) -> tuple[list[str], bool]:
    """Manifest paths of one component's weights, and whether they are the 16-bit copies."""
    for variant in ("", f".{_HALF}"):
        single = str(folder / f"{stem}{variant}.safetensors")
        listed = str(folder / f"{stem}.safetensors.index{variant}.json")
        if single in names and listed in names:
            _refuse(f"{single} and {listed} are both there: which are the weights?", "Take one of them out.")
        if single in names:
            return [single], bool(variant)
        if listed in names:
            return _shards(root, folder, listed, names), bool(variant)
    _refuse(
        f"There are no weights {folder / stem}.safetensors.",
        "Save the pipeline with save_pretrained(folder, safe_serialization=True) and upload the whole folder.",
    )


def _shards(root: Path, folder: PurePosixPath, listed: str, names: list[str]) -> list[str]:
    places = _read_config(root / listed, listed).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(place, str) for place in places.values()):
        _refuse(
            f"{listed} does not say in which files the weights are.", "Copy the folder again from where it is whole."
        )
    shards = sorted({str(folder / place) for place in places.values()})
    for shard, place in zip(shards, sorted(set(places.values())), strict=True):
        if "/" in place or "\\" in place or shard not in names or not shard.endswith(".safetensors"):
            _refuse(f"{listed} names {place[:200]!r}, which is no safetensors file beside it.", "Upload all shards.")
    return shards


def _read_config(path: Path, name: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ModelInvalid(f"{name} cannot be read: {error.strerror}.", remedy="Upload the whole folder.") from error
    if len(text) > MAX_CONFIG_BYTES:
        _refuse(f"{name} is larger than {MAX_CONFIG_BYTES >> 10} KiB.", "Upload the pipeline's own file.")
    if looks_like_a_pickle(text[:8]):
        refuse_pickle(name)
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelInvalid(
            f"{name} is not JSON ({type(error).__name__}).", remedy="Copy it again from where it is whole."
        ) from error
    if not isinstance(table, dict):
        _refuse(f"{name} is not a table.", "Copy it again from where it is whole.")
    return table


def _refuse(message: str, remedy: str) -> NoReturn:
    raise ModelInvalid(message, remedy=remedy)
