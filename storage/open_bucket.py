"""The one place that opens customers' buckets, for processes that may never need botocore."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol

from jobs.delivery import DeliverySettings
from jobs.egress import Egress


class BucketRefused(Exception):
    """The bucket did not take it; the words may be shown to whoever manages the destination."""

    def __init__(self, words: str, *, remedy: str, code: str | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.remedy = remedy
        self.code = code
        """S3's own name for it; None: no answer came."""

    def __str__(self) -> str:
        return f"{self.words} {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """Which bucket, and the key for it."""

    bucket: str
    prefix: str
    """Empty, or ending in a slash."""
    region: str
    endpoint_url: str | None
    """None: AWS."""
    access_key_id: str
    secret_access_key: str = field(repr=False)


class Bucket(Protocol):
    """A customer's bucket, for one call at a time; ``close`` it."""

    async def put(
        self, path: str, pieces: AsyncGenerator[bytes, None], *, size_bytes: int, sha256: str, media_type: str
    ) -> None:
        """Put a file below the prefix; what is there under its name is replaced. Nothing is visible before the bytes
        are found to be those of ``sha256``.

        Raises ``BucketRefused``, and ``RayfarmError`` where ``pieces`` are not those, or fail.
        """
        ...

    async def test(self) -> bool:
        """Write a small object below the prefix and delete it; whether it could be deleted, which delivery needs not.

        Raises ``BucketRefused``.
        """
        ...

    def stop(self) -> None:
        """Let what is under way fail at once; the bucket can only be closed then."""
        ...

    async def close(self) -> None: ...


def open_bucket(address: BucketAddress, *, egress: Egress, settings: DeliverySettings) -> Bucket:
    """Blocks: the first one reads botocore's model of S3. Raises ``BucketRefused`` for an address that nothing can be
    sent to."""
    # Imported here: botocore takes 0.5 s to import, which each process of a one-machine farm would pay for nothing.
    from storage.customer_bucket import CustomerBucket

    return CustomerBucket(address, egress=egress, settings=settings)
