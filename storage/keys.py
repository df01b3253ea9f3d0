"""What a storage key may look like, and how keys are made."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from jobs.errors import InvalidInput

MAX_KEY_CHARS = 800
"""S3 takes 1,024 bytes; the rest is for the bucket's prefix."""

MAX_SEGMENT_CHARS = 200
"""File systems take 255 bytes for a name; the rest is for the suffix of temporary files."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+@-]*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\.[A-Za-z0-9]{1,8}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*(; ?charset=[A-Za-z0-9-]+)?")
_ROOTS = ("blobs", "artifacts")


def require_digest(digest: str) -> str:
    """Return the digest, or refuse what is not 64 lowercase hexadecimal digits."""
    if not _DIGEST.fullmatch(digest):
        raise InvalidInput(
            f"{digest[:80]!r} is not a SHA-256 digest.",
            field="digest",
            remedy="Send 64 lowercase hexadecimal digits.",
        )
    return digest


def require_key(key: str) -> str:
    """Return the key, or refuse one that could name anything but an object below the storage's root.

    Every backend applies the same grammar, so that no key works on S3 and escapes on disk.
    """
    segments = key.split("/")
    if len(key) > MAX_KEY_CHARS or len(segments) < 2 or segments[0] not in _ROOTS:
        raise _bad_key(key)
    for segment in segments:
        if not _SEGMENT.fullmatch(segment) or len(segment) > MAX_SEGMENT_CHARS or segment.endswith("."):
            raise _bad_key(key)
    if segments[0] == "blobs" and key != blob_key(segments[-1]):
        raise _bad_key(key)
    return key


def require_media_type(media_type: str) -> str:
    """Return the media type, or refuse what could break out of an HTTP header."""
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise InvalidInput(
            f"{media_type[:80]!r} is not a media type.", field="media_type", remedy="Send one like image/png."
        )
    return media_type


def blob_key(digest: str) -> str:
    """Name the object that holds a blob; two levels of folders keep each below some thousand entries."""
    require_digest(digest)
    return f"blobs/{digest[:2]}/{digest[2:4]}/{digest}"


def artifact_key(*, job_id: str, part: str | int, attempt: str, filename: str) -> str:
    """Name one output of one attempt; ``part`` is the frame's ordinal or a name such as ``video``."""
    return require_key(f"artifacts/{job_id}/{part}/{attempt}/{safe_filename(filename)}")


def require_prefix(prefix: str) -> str:
    """Return the prefix of a listing, or refuse one that is not a folder of keys."""
    if prefix.rstrip("/") in _ROOTS and prefix.count("/") == 1:
        return prefix
    if not prefix.endswith("/"):
        raise _bad_key(prefix)
    require_key(f"{prefix}x" if prefix.startswith("artifacts/") else prefix)
    return prefix


def safe_filename(name: str) -> str:
    """Turn any file name into one that a key may hold; what people see is the download link's own name."""
    if _PLAIN_NAME.fullmatch(name) and len(name) <= MAX_SEGMENT_CHARS:
        return name  # what the farm itself names; a chunk of tiny frames asks often
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    cleaned = re.sub(r"[^A-Za-z0-9._=+@-]+", "_", ascii_name).lstrip(".=+@-").rstrip(".")
    suffix = PurePosixPath(cleaned).suffix[:20]
    stem = cleaned[: len(cleaned) - len(suffix)] if suffix else cleaned
    return (stem[: MAX_SEGMENT_CHARS - len(suffix)] + suffix).rstrip(".") or "file"


def _bad_key(key: str) -> InvalidInput:
    return InvalidInput(
        f"{key[:120]!r} is not a storage key.",
        field="key",
        remedy="A key is blobs/ab/cd/<digest>, or artifacts/… of plain name segments, without '..' or an empty one.",
    )
