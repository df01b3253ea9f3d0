"""Routes that will go: since when they are deprecated (RFC 9745), when they end (RFC 8594), and what replaces them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """What answers of a deprecated route say."""

    since: datetime
    """With its time zone; may lie ahead."""
    sunset: datetime | None = None
    """From then on the route may be gone; not before ``since``."""
    successor: str | None = None
    """Path of the route to use instead."""
    explained_at: str | None = None
    """Address of a page for people."""

    def __post_init__(self) -> None:
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError("A route ends after it was deprecated (RFC 9745 section 4).")

    def set_fields(self, headers: MutableHeaders) -> None:
        headers["Deprecation"] = f"@{int(self.since.timestamp())}"  # a Date of RFC 9651
        if self.sunset is not None:
            headers["Sunset"] = format_datetime(self.sunset.astimezone(UTC), usegmt=True)
        if self.successor is not None:
            headers.append("Link", f'<{self.successor}>; rel="successor-version"')
        if self.explained_at is not None:
            headers.append("Link", f'<{self.explained_at}>; rel="deprecation"; type="text/html"')


DEPRECATED: Mapping[str, Deprecation] = {}
"""By the route's name. ``mark_deprecated`` tells the OpenAPI document too."""

_MARK = "x-rayfarm-deprecation"


def deprecation_of(route: BaseRoute | None) -> Deprecation | None:
    """What the route says of its end; None: it stays."""
    return getattr(route, _MARK, None)


def mark_deprecated(routes: list[APIRoute], table: Mapping[str, Deprecation] = DEPRECATED) -> None:
    """Mark the routes that the table names. Raises ``LookupError`` for a name that no route has."""
    by_name = {route.name: route for route in routes}
    if unknown := sorted(table.keys() - by_name.keys()):
        raise LookupError(f"serve_app.deprecations names routes that the API has not: {', '.join(unknown)}.")
    for name, ends in table.items():
        by_name[name].deprecated = True
        setattr(by_name[name], _MARK, ends)
