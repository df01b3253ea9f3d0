"""Takes secrets out of lines of the log: the last net, behind code that writes none."""

from __future__ import annotations

import re
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from jobs.redaction import HIDDEN_FIELDS, REDACTED, without_credentials

_NAMES = re.compile(HIDDEN_FIELDS, re.IGNORECASE)

_MOST_DEPTH = 12
"""Tracebacks nest five deep."""


def redact(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """A processor of structlog, the last before the line is written."""
    return {key: value if key == "exc_info" else _of_field(key, value) for key, value in event.items()}


def _of_field(name: str, value: Any) -> Any:
    return REDACTED if value and _NAMES.search(name) else _clean(value, 0)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth > _MOST_DEPTH:
        return REDACTED
    if isinstance(value, dict):
        return {key: _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, depth + 1) for item in value]
    return value if isinstance(value, BaseException) else without_credentials(str(value))
