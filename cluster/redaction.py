"""Takes secrets out of lines of the log: the last net, behind code that writes none."""

from __future__ import annotations

import re
from typing import Any

from structlog.typing import EventDict, WrappedLogger

GONE = "[redacted]"

_SECRETS = (
    re.compile(r"\b(rf_[A-Za-z0-9]{1,32}_)[A-Za-z0-9_-]{16,}"),  # keys of the farm: the prefix names them
    re.compile(r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),  # JSON Web Tokens (RFC 7519)
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)", re.IGNORECASE),  # passwords in URLs
    re.compile(r"((?:X-Amz-(?:Signature|Credential|Security-Token)|signature|sig|token)=)[^&\s\"']+", re.IGNORECASE),
    re.compile(r"(/v1/(?:files|archives)/)[A-Za-z0-9_.~=-]{16,}"),  # links to local storage and to archives
    re.compile(r"(\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
)
"""Each keeps its first group."""

_NAMES = re.compile(r"password|secret|token|authorization|api_?key|cookie", re.IGNORECASE)
"""Fields that no line shall show, whatever they hold."""

_MOST_DEPTH = 12
"""Tracebacks nest five deep."""


def redact(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """A processor of structlog, the last before the line is written."""
    return {key: value if key == "exc_info" else _of_field(key, value) for key, value in event.items()}


def without_secrets(words: str) -> str:
    """The text, with ``GONE`` for what looks like a secret in it."""
    for pattern in _SECRETS:
        words = pattern.sub(rf"\1{GONE}", words)
    return words


def _of_field(name: str, value: Any) -> Any:
    return GONE if value and _NAMES.search(name) else _clean(value, 0)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth > _MOST_DEPTH:
        return GONE
    if isinstance(value, dict):
        return {key: _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, depth + 1) for item in value]
    return value if isinstance(value, BaseException) else without_secrets(str(value))
