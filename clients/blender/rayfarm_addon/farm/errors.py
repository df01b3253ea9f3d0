# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between Blender and the farm, each with what to do about it.

FarmError
├── FarmAway       no answer, or "unavailable" for longer than the add-on's patience
├── FarmRefused    the farm answered with a problem (RFC 9457)
└── SceneProblem   the scene cannot be sent as it is: files missing, not allowed, changed
Stopped            somebody pressed Cancel, or the add-on was switched off
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

KEY_PLACE = "Edit > Preferences > Add-ons > Rayfarm"


class FarmError(Exception):
    """It did not work; ``lines`` is what the artist reads."""

    def __init__(self, message: str, *, remedy: str | None = None, details: Sequence[str] = ()) -> None:
        self.message = message
        self.remedy = remedy
        self.details = tuple(details)
        super().__init__(message)

    @property
    def lines(self) -> tuple[str, ...]:
        return (self.message, *self.details, *((self.remedy,) if self.remedy else ()))


class FarmAway(FarmError):
    """The farm does not answer."""


class FarmRefused(FarmError):
    """The farm answered with a problem."""

    def __init__(self, *, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code") or f"http-{status}")
        detail = str(problem.get("detail") or problem.get("title") or f"The farm answered {status}.")
        told = problem.get("remedy")
        remedy = _REMEDIES.get(status) or (str(told) if told else None)
        super().__init__(f"{_WORDS[status]} {detail}" if status in _WORDS else detail, remedy=remedy)

    @property
    def is_about_the_key(self) -> bool:
        """Asking again changes nothing before somebody gives another key."""
        return self.status in (401, 403)


class SceneProblem(FarmError):
    """The scene cannot be sent as it is."""

    def __init__(
        self, message: str, *, remedy: str | None = None, details: Sequence[str] = (), outside: Sequence[str] = ()
    ) -> None:
        super().__init__(message, remedy=remedy, details=details)
        self.outside = tuple(outside)
        """Folders that the artist may allow."""


class Stopped(Exception):
    """Asked to stop."""


_WORDS = {401: "The farm does not take this API key.", 403: "This API key may not do that."}
_REMEDIES = {
    401: f"Give a valid key in {KEY_PLACE}, or in RAYFARM_API_KEY before Blender starts.",
    403: f"Ask a manager of the project for a key with the role artist, and give it in {KEY_PLACE}.",
}
