"""Uploads in parts: a large blob comes piece by piece, over days if need be, and becomes a blob once it is checked.

Parts lie outside of ``blobs/`` until then. What nobody completed is removed by ``Storage.sweep`` once it is older than
``RAYFARM_STORAGE_UPLOAD_LIFETIME``; no row is needed for that, so nothing is left behind whatever crashed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from storage.base import UploadIncomplete

STAGING = "uploads"
"""The folder, or the beginning of the keys, below which parts lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedUpload:
    """One upload in parts."""

    id: UUID
    project_id: UUID
    digest: str
    """SHA-256 that the whole is announced with."""
    size_bytes: int
    part_bytes: int
    """Of each part but the last, which is what remains."""
    reference: str
    """The storage's own name for it."""

    @property
    def part_count(self) -> int:
        """At least one: an empty blob has an empty part."""
        return max(1, -(-self.size_bytes // self.part_bytes))

    def size_of(self, number: int) -> int:
        """Bytes of a part; the first is number 1."""
        return min(self.part_bytes, self.size_bytes - (number - 1) * self.part_bytes)

    def there(self, found: Mapping[int, int]) -> frozenset[int]:
        """The parts that have come whole, of those ``found`` (number → bytes)."""
        wanted = range(1, self.part_count + 1)
        return frozenset(number for number in wanted if found.get(number) == self.size_of(number))


class PartUploads(Protocol):
    """Where parts lie. One contract suite (tests/storage) holds every implementation to these sentences."""

    async def begin(self, upload_id: UUID, *, digest: str) -> str:
        """Make room for an upload; returns the storage's name for it."""
        ...

    def part_url(self, upload: StagedUpload, number: int, *, expires_in: timedelta) -> str:
        """A link that takes the bytes of a part by PUT, without credentials, until it expires.

        S3 gives an absolute, presigned URL; local disk gives a path of the API, which adds its own address.
        """
        ...

    async def write(self, upload_id: UUID, number: int, chunks: AsyncIterator[bytes], *, size_bytes: int) -> None:
        """Store a part, in place of an earlier one. Raises UploadIncomplete, UploadTooLarge, ObjectNotFound for an
        upload that has ended, and NotFound where parts go to the storage itself."""
        ...

    async def found(self, upload: StagedUpload) -> dict[int, int]:
        """Number → bytes of the parts that are there. Raises ObjectNotFound for an upload that has ended."""
        ...

    async def assemble(self, upload: StagedUpload) -> None:
        """Read the whole, and make it a blob if it has its digest; what is read is what becomes visible.

        The parts stay until ``discard``, so that it may be called again after a crash. Raises DigestMismatch,
        UploadIncomplete, ObjectNotFound or StorageFull.
        """
        ...

    async def discard(self, upload_id: UUID, *, reference: str) -> None:
        """Remove all parts; an upload that has ended is removed already."""
        ...

    async def close(self) -> None:
        """Let go of threads and connections."""
        ...


def require_all(upload: StagedUpload, found: Mapping[int, int]) -> None:
    """Raises ``UploadIncomplete``, which names the parts that have not come whole."""
    lacking = sorted(set(range(1, upload.part_count + 1)) - upload.there(found))
    if lacking:
        raise UploadIncomplete(
            f"{len(lacking)} of the {upload.part_count} parts have not come whole.",
            remedy="Send them by the links of GET /v1/uploads/{id}, then complete the upload.",
            lacking=lacking[:100],
            lacking_count=len(lacking),
        )
