"""Conditions that lists share: a part of a name, and a span of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From ``after`` on, up to but not including ``before``; None: no bound."""

    after: datetime | None = None
    before: datetime | None = None


ALWAYS = Span()


def name_holds(column: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether a name holds these letters, in upper or lower case; none of them is a wildcard."""
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.ilike(f"%{escaped}%")


def within(column: ColumnElement[Any], span: Span) -> list[ColumnElement[bool]]:
    """From ``span.after`` on, up to but not including ``span.before``."""
    bounds: list[ColumnElement[bool]] = []
    if span.after is not None:
        bounds.append(column >= span.after)
    if span.before is not None:
        bounds.append(column < span.before)
    return bounds
