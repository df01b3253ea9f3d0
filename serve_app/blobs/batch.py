"""Stores the many small files of one archive, each checked by its digest and with a result of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

from db.billing.quotas import require_storage_in_quotas
from db.repositories.blobs import record_blobs
from jobs.errors import RayfarmError, Unavailable
from serve_app.blobs.schemas import BatchItem, BatchItemState, BatchProblem
from serve_app.blobs.tar import TarFile, TarLimits, read_tar
from serve_app.services import ApiServices
from serve_app.settings import ApiSettings
from serve_app.unit_of_work import UnitOfWork
from storage.base import DigestMismatch, UploadTooLarge

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_GROUP_FILES = 500
_GROUP_BYTES = 8 * 2**20
"""What a request holds in memory and records in one transaction; a group may be over it by one file."""


def limits_of(settings: ApiSettings) -> TarLimits:
    return TarLimits(
        files=settings.batch_files, file_bytes=settings.batch_file_bytes, archive_bytes=settings.batch_bytes
    )


async def upload_batch(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, chunks: AsyncIterator[bytes]
) -> list[BatchItem]:
    """One result for each file, in the order of the archive. What came before a fault of the archive stays."""
    items: list[BatchItem] = []
    with services.uploads.take(project_id):
        async for group in _groups(read_tar(chunks, limits_of(services.settings))):
            items += await _store(unit, services, project_id=project_id, group=group)
    return items


async def _groups(files: AsyncIterator[TarFile]) -> AsyncIterator[list[TarFile]]:
    group: list[TarFile] = []
    held_bytes = 0
    async for file in files:
        group.append(file)
        held_bytes += len(file.content)
        if len(group) >= _GROUP_FILES or held_bytes >= _GROUP_BYTES:
            yield group
            group, held_bytes = [], 0
    if group:
        yield group


async def _store(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, group: Sequence[TarFile]
) -> list[BatchItem]:
    """Raises ``OverQuota`` where the project may not store so much, and what storage raises that is no file's fault."""
    more_bytes = sum(len(file.content) for file in group)
    await require_storage_in_quotas(await unit.begin(), project_id=project_id, more_bytes=more_bytes)
    await unit.end()
    gate = asyncio.Semaphore(services.settings.storage_checks)

    async def put(file: TarFile) -> RayfarmError | None:
        async with gate:
            try:
                await services.storage.put_blob(file.digest, _once(file.content), size_bytes=len(file.content))
            except (DigestMismatch, UploadTooLarge) as error:
                return error
        return None

    refusals = await _all(put, group)
    sizes = {file.digest: len(file.content) for file, refusal in zip(group, refusals, strict=True) if refusal is None}
    tx = await unit.begin()
    new = await record_blobs(tx, project_id=project_id, sizes=sizes)
    if new:  # of several at once, those that find room; the bytes of the others go with a walk of the collector
        await require_storage_in_quotas(tx, project_id=project_id, more_bytes=0)
    await unit.end()

    async def is_gone(digest: str) -> bool:
        async with gate:
            return not await services.storage.has_blob(digest)

    gone = {digest for digest, lost in zip(sizes, await _all(is_gone, list(sizes)), strict=True) if lost}
    return [
        _item(file, refusal or (_removed() if file.digest in gone else None), is_new=file.digest in new)
        for file, refusal in zip(group, refusals, strict=True)
    ]


async def _all(work: Callable[[_Item], Coroutine[Any, Any, _Result]], items: Sequence[_Item]) -> list[_Result]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(item)) for item in items]
    except BaseExceptionGroup as failures:  # the edge knows the errors of the farm, not groups of them
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _item(file: TarFile, refusal: RayfarmError | None, *, is_new: bool) -> BatchItem:
    if refusal is not None:
        return BatchItem(
            digest=file.digest,
            size_bytes=len(file.content),
            state=BatchItemState.REFUSED,
            problem=BatchProblem(code=refusal.code, detail=refusal.message, remedy=refusal.remedy),
        )
    state = BatchItemState.STORED if is_new else BatchItemState.KNOWN
    return BatchItem(digest=file.digest, size_bytes=len(file.content), state=state)


def _removed() -> Unavailable:
    return Unavailable("The blob was removed as unused while it was being uploaded again.", remedy="Upload it again.")
