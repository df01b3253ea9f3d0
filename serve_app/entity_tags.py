"""Reads the entity tags of a precondition (RFC 9110, 8.8.3 and 13.1)."""

from __future__ import annotations

import re

_TAG = re.compile(r'(?:W/)?"[^"]*"|\*')


def tags_in(header: str | None) -> list[str]:
    """The entity tags of an If-Match or If-None-Match header, and ``*``; what is none is passed over."""
    return _TAG.findall(header or "")


def is_named(etag: str, header: str | None) -> bool:
    """Whether a header names this tag, or any; compared weakly, as If-None-Match is."""
    opaque = etag.removeprefix("W/")
    return any(tag in ("*", opaque) for tag in (tag.removeprefix("W/") for tag in tags_in(header)))
