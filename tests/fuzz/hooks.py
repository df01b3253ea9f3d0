"""How Schemathesis writes a body that it does not know: an archive of blobs, or bytes that are none; and where it sends
a blob, whose address is a digest of its bytes."""

from __future__ import annotations

import hashlib
import io
import re
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


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Any, kwargs: dict[str, Any]) -> None:
    """Three blobs of four go to their own address, where none is meant to be wrong. None is promised to be longer than
    it is: the farm waits for the rest, as it should, and the fuzzer with it."""
    if case.operation.definition.raw.get("operationId") != "upload_blob":
        return
    content = getattr(case.body, "data", case.body)  # Schemathesis has a type of its own for bytes
    if not isinstance(content, bytes):
        return
    for name in [name for name in case.headers or {} if name.lower() == "content-length"]:
        if str(case.headers[name]).isdecimal() and int(case.headers[name]) > len(content):
            del case.headers[name]
    digest = hashlib.sha256(content).hexdigest()
    is_right = case.meta is None or case.meta.generation.mode.is_positive
    if is_right and digest[0] not in "0123" and re.fullmatch(r"[0-9a-f]{64}", str(case.path_parameters.get("digest"))):
        case.path_parameters["digest"] = digest
