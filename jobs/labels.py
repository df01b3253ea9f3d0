"""What a job may ask of a replica's labels: an exact value, or a bound on a number.

``{"gpu": "l4"}`` wants that text. ``{"gpu_memory_gib": ">=24"}`` wants a replica whose label is a number of at least
24; ``>``, ``<=`` and ``<`` likewise. A replica without the label, or with one that is no number, does not fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import ge, gt, le, lt

DEVICE_LABEL = "device"
"""Each replica has it beside the labels that it was given: ``gpu`` where engines find a card, else ``cpu``."""
ON_CPU = "cpu"
ON_GPU = "gpu"

_BOUNDS: tuple[tuple[str, Callable[[float, float], bool]], ...] = ((">=", ge), ("<=", le), (">", gt), ("<", lt))
"""The longer signs first."""


def check_wish(key: str, wish: str) -> None:
    """``ValueError`` for a bound that is no number; everything else is an exact value."""
    sign = next((sign for sign, _ in _BOUNDS if wish.startswith(sign)), None)
    if sign is not None and _number(wish.removeprefix(sign)) is None:
        raise ValueError(f"The label {key!r} asks for {wish!r}; after {sign} a number is expected, as in '{sign}24'.")


def has_labels(wishes: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether ``labels`` of a replica meet all ``wishes`` of a job."""
    return all(_meets(wish, labels.get(key)) for key, wish in wishes.items())


@lru_cache(maxsize=65_536)
def _meets(wish: str, value: str | None) -> bool:
    if value is None:
        return False
    for sign, holds in _BOUNDS:
        if wish.startswith(sign):
            bound, number = _number(wish.removeprefix(sign)), _number(str(value))
            return bound is not None and number is not None and holds(number, bound)
    return wish == value


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
