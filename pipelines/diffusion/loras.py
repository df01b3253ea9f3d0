"""Adds low-rank changes (LoRA) to loaded weights, and takes them back exactly. Imported only in the child process.

W' = W + weight · alpha/rank · up · down, in 32 bits (Hu et al., "LoRA", arXiv 2106.09685). Merged into the weights
rather than computed beside them, so a frame costs what it costs without.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from jobs.states import EndReason
from pipelines.diffusion.settings import Lora
from pipelines.diffusion.weights import Weights
from pipelines.errors import EngineError

_DOWN = (".lora_A.weight", ".lora_down.weight", ".lora.down.weight")
_UP = (".lora_B.weight", ".lora_up.weight", ".lora.up.weight")
_ALPHA = ".alpha"
_TRAINERS = {
    "lora_unet_": "unet",
    "lora_te_": "text_encoder",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
}
"""Prefix of Kohya's names, which put `_` for `.`, to the component."""
_TEXT = "text_model."
"""Part of the names of a text encoder's layers in files; the loaded model may or may not have it."""


@dataclass(slots=True)
class _Change:
    """The matrices of one layer."""

    down: torch.Tensor | None = None
    up: torch.Tensor | None = None
    alpha: float | None = None


class LoraStack:
    """What is merged into one set of weights now. Keeps a copy, in RAM, of every weight that it changed."""

    def __init__(self, weights: Weights, root: Path) -> None:
        self._weights = weights
        self._root = root
        self._active: tuple[Lora, ...] | None = ()
        """None: a change of the weights has failed; whoever is next is told of a change, whatever it wants."""
        self._originals: dict[int, tuple[torch.nn.Parameter, torch.Tensor]] = {}

    def use(self, wanted: tuple[Lora, ...]) -> bool:
        """Merge these and nothing else; says whether anything has changed since the last call that did not raise.

        Raises ``EngineError``, then none is merged.
        """
        if wanted == self._active:
            return False
        self._active = None  # first: whatever was made with the weights as they were must not outlive a failure
        self._restore()
        try:
            for lora in wanted:
                self._merge(lora)
        except BaseException:
            self._restore()
            raise
        self._active = wanted
        return True

    def _restore(self) -> None:
        for parameter, original in self._originals.values():
            parameter.data.copy_(original)
        self._originals.clear()

    def _merge(self, lora: Lora) -> None:
        path = self._root / lora.path
        if lora.path not in self._weights.folder.loras:
            raise _refusal(lora, "is not among the model's files", "Add the file to the model and register it again.")
        layers = self._layers()
        for name, change in sorted(_read(lora, path).items()):
            module = layers.get(name)
            if module is None:
                raise _refusal(
                    lora, f"changes the layer {name}, which this model has not", "Use one that was made for this model."
                )
            self._add(lora, name, module, change)

    def _add(self, lora: Lora, name: str, module: torch.nn.Module, change: _Change) -> None:
        parameter = module.weight
        if change.down is None or change.up is None or not isinstance(parameter, torch.nn.Parameter):
            raise _refusal(lora, f"has only one half of the change of {name}", "Copy it again from where it is whole.")
        down, up = change.down.float(), change.up.float()
        rank = down.shape[0]
        columns = parameter[0].numel()
        if up.flatten(1).shape != (parameter.shape[0], rank) or down.flatten(1).shape != (rank, columns):
            raise _refusal(
                lora,
                f"changes {name} by {tuple(up.shape)} times {tuple(down.shape)}, and its weight is "
                f"{tuple(parameter.shape)}",
                "Use one that was made for this model.",
            )
        scale = lora.weight * (1.0 if change.alpha is None else change.alpha / rank)
        delta = (up.flatten(1) @ down.flatten(1)).reshape(parameter.shape) * scale
        if id(parameter) not in self._originals:  # by identity: two files may spell the layer's name differently
            self._originals[id(parameter)] = (parameter, parameter.data.to("cpu", copy=True))
        parameter.data.copy_(parameter.data.float() + delta.to(parameter.device))

    def _layers(self) -> dict[str, torch.nn.Module]:
        """Layers with a weight matrix, by every name that a file may use."""
        found: dict[str, torch.nn.Module] = {}
        for component, model in self._weights.modules.items():
            for name, module in model.named_modules():
                if not isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
                    continue
                spellings = {name, name.removeprefix(_TEXT), _TEXT + name.removeprefix(_TEXT)}
                for spelling in spellings if component.startswith("text") else {name}:
                    found[f"{component}.{spelling}"] = module
                    found[f"{component}:{spelling.replace('.', '_')}"] = module
        return found


def _read(lora: Lora, path: Path) -> dict[str, _Change]:
    """Layer to its change; layers named ``component.layer``, or ``component:layer`` with underscores."""
    changes: dict[str, _Change] = {}
    for key, value in load_file(path).items():
        for layer, field in _parts(key):
            change = changes.setdefault(_component(layer), _Change())
            if field == "alpha":
                change.alpha = float(value)
            elif value.dim() not in (2, 4):
                raise _refusal(lora, f"has {key} with {value.dim()} dimensions", "Use one of linear or 2-D layers.")
            else:
                setattr(change, field, value)
            break
        else:
            raise _refusal(
                lora,
                f"holds {key[:200]!r}, which is no part of a plain LoRA",
                "LoHa, LoKr and DoRA are not supported; save it as a plain LoRA in diffusers' or Kohya's names.",
            )
    return changes


def _parts(key: str) -> Iterator[tuple[str, str]]:
    for endings, field in ((_DOWN, "down"), (_UP, "up"), ((_ALPHA,), "alpha")):
        for ending in endings:
            if key.endswith(ending):
                yield key.removesuffix(ending), field


def _component(layer: str) -> str:
    for prefix, component in _TRAINERS.items():
        if layer.startswith(prefix):
            return f"{component}:{layer.removeprefix(prefix)}"
    return layer


def _refusal(lora: Lora, what: str, remedy: str) -> EngineError:
    return EngineError(EndReason.MODEL_INVALID, f"The LoRA {lora.path} {what}.", remedy=remedy)
