"""The gate for uploaded bytes: counts and hashes them as they pass, and refuses what is not what was announced."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from jobs.errors import InvalidInput
from storage.base import DigestMismatch, UploadIncomplete, UploadTooLarge
from storage.keys import require_digest


class Intake:
    """Checks one upload. ``feed`` every byte, then ``finish`` before anything becomes visible."""

    def __init__(self, *, digest: str, size_bytes: int | None, max_bytes: int) -> None:
        self._digest = require_digest(digest)
        self._announced = size_bytes
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self.received_bytes = 0
        if size_bytes is not None and size_bytes < 0:
            raise InvalidInput("An upload cannot have a negative size.", field="size_bytes")
        if size_bytes is not None and size_bytes > max_bytes:
            raise self._too_large(size_bytes)

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises UploadTooLarge before they are stored."""
        self.received_bytes += len(data)
        if self.received_bytes > self._max_bytes:
            raise self._too_large(self.received_bytes)
        if self._announced is not None and self.received_bytes > self._announced:
            raise UploadTooLarge(
                f"The upload holds more than the {self._announced} bytes it announced.",
                field="size_bytes",
                remedy="The file may have changed while it was read: digest it again, then upload it.",
                announced_bytes=self._announced,
            )
        self._hash.update(data)

    def finish(self) -> int:
        """Accept the upload as a whole. Raises UploadIncomplete or DigestMismatch."""
        if self._announced is not None and self.received_bytes < self._announced:
            raise UploadIncomplete(
                f"The upload ended after {self.received_bytes} of {self._announced} bytes.",
                field="size_bytes",
                remedy="Send the whole file again.",
                announced_bytes=self._announced,
                received_bytes=self.received_bytes,
            )
        actual = self._hash.hexdigest()
        if actual != self._digest:
            raise DigestMismatch(
                f"The {self.received_bytes} uploaded bytes have the SHA-256 {actual}, not {self._digest}.",
                field="digest",
                remedy="The file may have changed, or the upload was cut off: digest it again, then upload it.",
                expected=self._digest,
                actual=actual,
            )
        return self.received_bytes

    def _too_large(self, size_bytes: int) -> UploadTooLarge:
        return UploadTooLarge(
            f"The upload has {size_bytes} bytes or more; this farm takes {self._max_bytes}.",
            field="size_bytes",
            remedy="Split the file, or ask the operator to raise RAYFARM_STORAGE_MAX_BLOB_BYTES.",
            limit_bytes=self._max_bytes,
        )


async def rechunk(chunks: AsyncIterator[bytes], size_bytes: int) -> AsyncIterator[bytes]:
    """Regroup a stream into pieces of exactly ``size_bytes``, the last one shorter; none for an empty stream."""
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        while len(buffer) >= size_bytes:
            with memoryview(buffer) as view:
                piece = bytes(view[:size_bytes])
            del buffer[:size_bytes]
            yield piece
    if buffer:
        yield bytes(buffer)


def require_range(start: int, end: int | None) -> None:
    """Refuse a byte range that no object can have."""
    if start < 0 or (end is not None and end < start):
        raise InvalidInput(
            f"Bytes {start} to {end} are no range.", field="range", remedy="Use 0 <= start <= end, end excluded."
        )
