"""Ids on their way into a path of the API."""

from __future__ import annotations

import uuid
from urllib.parse import quote

from rayfarm.errors import UsageError


def require_id(given: str, *, what: str) -> str:
    """The id as the farm writes it. ``UsageError`` for anything else.

    Put into a path as it is, ``../nodes/n1/disable?`` would be another request.
    """
    try:
        return str(uuid.UUID(given))
    except (ValueError, AttributeError, TypeError):
        raise UsageError(
            f"{given!r} is no {what}'s id.", remedy=f"Give the id of a {what} as the farm prints it: a UUID."
        ) from None


def quoted(name: str) -> str:
    """A name as one segment of a path. ``UsageError`` for the names that a path reads as itself or its parent."""
    if name in ("", ".", ".."):
        raise UsageError(f"{name!r} is no name.", remedy="Give a name as the farm lists it.")
    return quote(name, safe="")
