"""HTTP ranges and preconditions of RFC 9110 for an immutable file whose strong ETag is its SHA-256."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from serve_app.entity_tags import is_named, tags_in
from serve_app.problems import PreconditionFailed, RangeNotSatisfiable

_BYTES = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
"""One range. Several are allowed to be answered with the whole file (RFC 9110, 14.2), and no client of ours asks."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``start`` up to, not including, ``end``."""

    start: int
    end: int

    def content_range(self, size_bytes: int) -> str:
        return f"bytes {self.start}-{self.end - 1}/{size_bytes}"


def etag_of(sha256: str) -> str:
    return f'"{sha256}"'


def is_unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the client has this very file (304). Raises ``PreconditionFailed`` where it asks for another one."""
    wanted = headers.get("if-match")
    if wanted is not None and not {"*", etag} & set(tags_in(wanted)):
        raise PreconditionFailed(remedy="Start the download again, without If-Match.", etag=etag)
    return is_named(etag, headers.get("if-none-match"))


def requested_range(headers: Mapping[str, str], *, etag: str, size_bytes: int) -> ByteRange | None:
    """The range to send, or None for the whole file. Raises ``RangeNotSatisfiable``."""
    text = headers.get("range")
    condition = headers.get("if-range")
    if text is None or (condition is not None and condition.strip() != etag):
        return None
    match = _BYTES.fullmatch(text)
    if match is None or match.groups() == ("", ""):
        return None  # another unit, several ranges or nonsense: to be ignored
    first, last = match.groups()
    if not first:  # the last n bytes
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start, end = int(first), min(size_bytes, int(last) + 1 if last else size_bytes)
        if last and int(last) < start:
            return None  # invalid, thus ignored
    if start >= end:
        raise RangeNotSatisfiable(
            f"The file has {size_bytes} bytes; {text!r} names none of them.",
            remedy="Ask for a range within the file.",
            size_bytes=size_bytes,
        )
    return ByteRange(start, end)
