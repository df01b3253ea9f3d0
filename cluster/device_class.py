"""What the replicas of this machine render on, by the cards that engines can reach; part of a frame's fingerprint.

Read from the files that a driver shows, without an engine and without CUDA: a replica asks at its start. Of a card of
another maker than NVIDIA it can tell at most that there is one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from jobs.errors import InvalidInput
from jobs.labels import DEVICE_LABEL, ON_CPU, ON_GPU

CPU = "cpu"
"""The class of a machine without a card that engines can use."""
_SYSTEM = Path("/")
_NVIDIA_CONTROL = "dev/nvidiactl"
"""In a container it is there only where the container was given the cards."""
_NVIDIA_CARDS = "proc/driver/nvidia/gpus"
_OTHER_MAKERS = (("hip", "dev/kfd"),)
"""Backend and the file that shows its driver."""
_ANY_CARD = "dev/dri"
"""Shows a card of whatever maker, of which it is not said whether an engine can use it: its name is the operator's."""


def device_class_here(
    configured: str | None, *, system: Path = _SYSTEM, environment: Mapping[str, str] = os.environ
) -> str:
    """The class of this machine: as configured, else ``cpu`` or the backend with its cards (``cuda:nvidia-h100``).

    ``system``: the root below which the kernel shows its drivers. Raises ``InvalidInput`` where what is configured says
    the opposite of what is there.
    """
    found = found_class(system=system, environment=environment)
    if not configured or configured == found:
        return found
    if (configured == CPU) != (found == CPU) and not (found == CPU and (system / _ANY_CARD).exists()):
        there = "there is no card that engines can use" if found == CPU else f"engines find cards here ({found})"
        hide = (
            "Give the worker its cards (driver, /dev/nvidia*, CUDA_VISIBLE_DEVICES)"
            if found == CPU
            else "Hide the cards from the worker (NVIDIA's: CUDA_VISIBLE_DEVICES= in its environment)"
        )
        raise InvalidInput(
            f"RAYFARM_CLUSTER_DEVICE_CLASS says {configured!r}, but {there}: frames of different devices would count "
            "as the same.",
            remedy=f"{hide}, or leave the setting out.",
        )
    return configured


def labels_here(configured: Mapping[str, str], *, device_class: str) -> dict[str, str]:
    """The labels of a replica of this machine: those that it was given, and what it renders on, by its class."""
    return {**configured, DEVICE_LABEL: ON_CPU if device_class == CPU else ON_GPU}


def found_class(*, system: Path = _SYSTEM, environment: Mapping[str, str] = os.environ) -> str:
    """``cpu``, or the backend and, sorted, the models of the cards that can be seen."""
    if (system / _NVIDIA_CONTROL).exists() and (models := _nvidia_models(system)):
        visible = _visible(environment.get("CUDA_VISIBLE_DEVICES"), len(models))
        if visible:
            return "cuda:" + "+".join(sorted(set(models)))
    for backend, sign in _OTHER_MAKERS:
        if (system / sign).exists():
            return backend
    return CPU


def _nvidia_models(system: Path) -> list[str]:
    """The name of each card that the driver holds, as a word: NVIDIA H100 80GB HBM3 is nvidia-h100-80gb-hbm3."""
    found = []
    for card in sorted((system / _NVIDIA_CARDS).glob("*/information")):
        name = re.search(r"^Model:\s*(.+?)\s*$", card.read_text(errors="replace"), re.MULTILINE)
        found.append(re.sub(r"[^a-z0-9]+", "-", name[1].lower()).strip("-") if name else "unknown")
    return found


def _visible(wanted: str | None, cards: int) -> bool:
    """Whether CUDA shows any card: it stops at the first name that it does not know."""
    if wanted is None:
        return cards > 0
    first = wanted.split(",")[0].strip()
    return int(first) < cards if first.isdecimal() else first.startswith(("GPU-", "MIG-"))
