"""The words for a scene whose frames depend on each other. Both sides say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jobs.errors import InvalidInput
from pipelines.cycles.settings import CyclesSettings, Simulations

_SHOWN = 5


def unbaked_refusal(unbaked: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """(message, remedy) for (kind, owner) of each simulation that is not baked."""
    names = ", ".join(f"{kind} of {owner!r}" for kind, owner in unbaked[:_SHOWN])
    more = f" and {len(unbaked) - _SHOWN} more" if len(unbaked) > _SHOWN else ""
    return (
        f"Simulations are not baked: {names}{more}. Frames rendered apart would not match.",
        "Bake them in Blender, save and upload again; or set simulations to pre_roll, which plays the scene from its "
        "first frame in each engine; or to as_is.",
    )


def check_simulations(settings: CyclesSettings, simulations: Iterable[Any]) -> None:
    """Refuse what the probe saw unbaked. Raises ``InvalidInput``."""
    if settings.simulations is not Simulations.REFUSE:
        return
    unbaked = [(str(one.get("kind")), str(one.get("owner"))) for one in simulations if one.get("baked") is False]
    if unbaked:
        message, remedy = unbaked_refusal(unbaked)
        raise InvalidInput(message, field="settings.simulations", remedy=remedy)
