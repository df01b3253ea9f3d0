"""Uploads: no transaction is open while bytes flow, and the row is written only once they are stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from db.billing.quotas import StorageRoom, require_storage_in_quotas, storage_room
from db.repositories.blobs import blob_size, lacking_blobs, record_blob
from jobs.errors import TooLarge, Unavailable
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """What an upload came to."""

    size_bytes: int
    is_new: bool
    """The project did not have it before."""


async def lacking(unit: UnitOfWork, services: ApiServices, *, project_id: UUID, digests: Sequence[str]) -> list[str]:
    """Digests to upload: never uploaded by this project, or gone from storage since."""
    limit = services.settings.max_digests
    if len(digests) > limit:
        raise TooLarge(
            f"The question names {len(digests)} digests; {limit} are allowed.",
            field="digests",
            remedy="Ask in several requests.",
            limit=limit,
        )
    asked = list(dict.fromkeys(digests))
    never = set(await lacking_blobs(await unit.begin(), project_id=project_id, digests=asked))
    await unit.end()
    gone = await _gone_from_storage(services, [digest for digest in asked if digest not in never])
    return [digest for digest in asked if digest in never or digest in gone]


async def upload(
    unit: UnitOfWork,
    services: ApiServices,
    *,
    project_id: UUID,
    digest: str,
    chunks: AsyncIterator[bytes],
    size_bytes: int | None,
) -> StoredBlob:
    """Store the bytes, then say whose they are. Raises ``OverQuota`` where the project may not store so much."""
    tx = await unit.begin()
    if await blob_size(tx, project_id=project_id, digest=digest) is None:  # sent again, it takes no more room
        room = await storage_room(tx, project_id=project_id)
        room.require(size_bytes or 0)
        if size_bytes is None:
            chunks = _within(room, chunks)
    await unit.end()
    with services.uploads.take(project_id):
        stored_bytes = await services.storage.put_blob(digest, chunks, size_bytes=size_bytes)
    tx = await unit.begin()
    is_new = await record_blob(tx, project_id=project_id, digest=digest, size_bytes=stored_bytes)
    if is_new:  # of several at once, those that find room; the bytes of the others go with a walk of the collector
        await require_storage_in_quotas(tx, project_id=project_id, more_bytes=0)
    await unit.end()
    if not await services.storage.has_blob(digest):
        raise Unavailable(
            "The blob was removed as unused while it was being uploaded again.", remedy="Upload it again."
        )
    return StoredBlob(size_bytes=stored_bytes, is_new=is_new)


async def size_of(unit: UnitOfWork, *, project_id: UUID, digest: str) -> int | None:
    """Size of a blob of the project; None where it has none such."""
    return await blob_size(await unit.begin(), project_id=project_id, digest=digest)


async def _within(room: StorageRoom, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Nobody has said how many bytes come: they end where the project's room does, not at the largest blob there is."""
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        room.require(received)
        yield chunk


async def _gone_from_storage(services: ApiServices, digests: Sequence[str]) -> set[str]:
    """A damaged blob is set aside; only the next upload heals it, so the client must hear that it is lacking."""
    gate = asyncio.Semaphore(services.settings.storage_checks)

    async def is_gone(digest: str) -> bool:
        async with gate:
            return not await services.storage.has_blob(digest)

    answers = await asyncio.gather(*(is_gone(digest) for digest in digests))
    return {digest for digest, gone in zip(digests, answers, strict=True) if gone}
