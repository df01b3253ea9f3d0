"""What the disk remembers of an artifact beside its bytes: digest and media type, in one extended attribute.

An attribute lies in the file's inode: it is flushed with it at no cost and moves with it, where a second file would
need its own flush and could part from the first. On a file system without attributes both are worked out when asked.
"""

from __future__ import annotations

import mimetypes
import os
from contextlib import suppress
from typing import BinaryIO

from storage.files import sha256_of
from storage.keys import require_digest, require_media_type

_ATTRIBUTE = "user.rayfarm"


def write_label(file: BinaryIO, *, sha256: str, media_type: str) -> None:
    """Attach the label where the file system can hold it."""
    if hasattr(os, "setxattr"):
        with suppress(OSError):
            os.setxattr(file.fileno(), _ATTRIBUTE, f"{sha256} {media_type}".encode())


def read_label(file: BinaryIO, key: str) -> tuple[str, str]:
    """Return the digest and the media type, from the label or else from the bytes and the name."""
    if hasattr(os, "getxattr"):
        with suppress(OSError, ValueError):
            sha256, _, media_type = os.getxattr(file.fileno(), _ATTRIBUTE).decode().partition(" ")
            return require_digest(sha256), require_media_type(media_type)
    return sha256_of(file), mimetypes.guess_type(key)[0] or "application/octet-stream"
