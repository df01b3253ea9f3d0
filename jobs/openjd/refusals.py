"""Why a template is refused: it is none, or it asks for what the farm cannot do, named with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.errors import InvalidInput

SUBSET = (
    "The farm takes one step over one INT parameter that runs `blender -b SCENE … -f {{Task.Param.NAME}}`, and one "
    "step after it that makes a film of the frames with ffmpeg."
)


class InvalidTemplate(InvalidInput):
    """It is no valid Open Job Description job template, or the parameters do not fit it."""

    code = "openjd-invalid"


class UnsupportedTemplate(InvalidInput):
    """The template asks for something that this farm does not import."""

    code = "openjd-unsupported"

    def __init__(self, found: Sequence[Unsupported]) -> None:
        first = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        super().__init__(
            f"{first.pointer}: {first.reason}{more}.",
            field="template",
            remedy=SUBSET,
            unsupported=[{"pointer": each.pointer, "reason": each.reason} for each in found[:MOST_NAMED]],
        )


MOST_NAMED = 50
"""Refused constructs that one answer names."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """One construct that the farm does not import."""

    pointer: str
    """Where it stands in the template (JSON Pointer, RFC 6901)."""
    reason: str
    """In words, without a full stop."""


def pointer_to(*path: str | int) -> str:
    """The JSON Pointer (RFC 6901) of a place."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
