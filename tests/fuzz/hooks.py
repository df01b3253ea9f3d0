"""How Schemathesis writes a body that it does not know: an archive of blobs, or bytes that are none."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import Any

import schemathesis

_MOST_BYTES = 1 << 16


@schemathesis.serializer("application/x-tar")
def write_tar(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """What was drawn as the one file of an archive, named by its SHA-256; every fourth time as it stands."""
    drawn = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")[:_MOST_BYTES]
    digest = hashlib.sha256(drawn).hexdigest()
    if digest[0] in "0123":
        return drawn
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(digest)
        member.size = len(drawn)
        tar.addfile(member, io.BytesIO(drawn))
    return archive.getvalue()
