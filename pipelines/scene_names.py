"""Whether a scene has what a job names of it: cameras, view layers. For pipelines whose scenes have such things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobs.errors import InvalidInput
from models.errors import ModelUnusable

_SHOWN = 10


def require_camera(camera: str | None, facts: Mapping[str, Any]) -> None:
    """The camera that the job names must be in the scene, and without a name the scene must have an active one.

    Facts of a probe that did not look say nothing. Raises ``ModelUnusable`` where no job can be rendered, and
    ``InvalidInput`` where another camera would do.
    """
    if "cameras" not in facts:
        return
    cameras = [str(name) for name in facts["cameras"]]
    if not cameras:
        raise ModelUnusable(
            "The scene has no camera.", remedy="Add one (in Blender, make it active), and register again."
        )
    if camera is not None:
        require_named([camera], cameras, field="settings.camera", word="camera")
    elif not facts.get("active_camera"):
        raise InvalidInput(
            "The scene has no active camera.", field="settings.camera", remedy=f"Name one: {_listed(cameras)}."
        )


def require_named(asked: Iterable[str], there: Sequence[str], *, field: str, word: str) -> None:
    """Each name that the job's ``field`` asks for must be among those of the scene, as far as they are known.

    Raises ``InvalidInput``.
    """
    for name in asked:
        if there and name not in there:
            raise InvalidInput(f"The scene has no {word} {name!r}.", field=field, remedy=f"It has: {_listed(there)}.")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
