"""Uploads in parts: no transaction is open while storage is asked, and the blob's row comes behind its bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID, uuid4

from db.billing.quotas import require_storage_in_quotas
from db.repositories.uploads import (
    UploadRow,
    drop_upload,
    find_upload,
    insert_upload,
    lease_upload,
    lock_open_uploads,
)
from jobs.errors import Conflict, NotFound
from serve_app.places import TooManyAtOnce
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork
from serve_app.uploads.schemas import NewUpload, UploadPart, UploadState, UploadView
from storage.base import DigestMismatch, ObjectNotFound, UploadTooLarge
from storage.part_links import SignedPart
from storage.parts import StagedUpload, require_all


async def begin(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, new: NewUpload, public_url: str
) -> tuple[UploadView, bool]:
    """The upload of this digest, and whether it is new: who asks twice, or from two machines, sends one upload.

    Raises ``UploadTooLarge``, ``OverQuota``, ``TooManyAtOnce``, or ``Conflict`` for another size.
    """
    limit = services.storage_settings.max_blob_bytes
    if new.size_bytes > limit:
        raise UploadTooLarge(
            f"The upload has {new.size_bytes} bytes; this farm takes {limit}.",
            field="size_bytes",
            remedy="Split the file, or ask the operator to raise RAYFARM_STORAGE_MAX_BLOB_BYTES.",
            limit_bytes=int(limit),
        )
    row = await find_upload(await unit.begin(), project_id=project_id, digest=new.digest)
    if row is not None and await _has_ended(unit, services, row):
        dropped = await drop_upload(await unit.begin(), upload_id=row.id, project_id=project_id)  # it is sent once more
        await unit.end()
        if dropped is not None:
            await services.parts.discard(row.id, reference=row.reference)
        row = None
    is_new = row is None
    if row is None:
        await _require_room(unit, services, project_id=project_id, size_bytes=new.size_bytes)
        await unit.end()  # storage is asked next; the room is looked at again behind it
        row, is_new = await _insert(unit, services, project_id=project_id, new=new)
    await unit.end()
    if row.size_bytes != new.size_bytes:
        raise Conflict(
            f"An upload of this digest is under way, with {row.size_bytes} bytes.",
            remedy=f"Digest the file again; if the other upload is wrong, DELETE /v1/uploads/{row.id}.",
            upload=str(row.id),
        )
    return await _view(services, row, public_url=public_url), is_new


async def read(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, upload_id: UUID, public_url: str
) -> UploadView:
    """With fresh links to the parts that are still to come."""
    row = await _require(unit, project_id=project_id, upload_id=upload_id)
    await unit.end()
    return await _view(services, row, public_url=public_url)


async def complete(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, upload_id: UUID, public_url: str
) -> UploadView:
    """Verify the whole; the view says ``verifying`` where that takes longer than a request may wait.

    Raises ``UploadIncomplete``, which names the parts that lack, or ``DigestMismatch``.
    """
    row = await _require(unit, project_id=project_id, upload_id=upload_id)
    await unit.end()
    ends_at = time.monotonic() + services.settings.max_wait.total_seconds()
    if _state_of(row) is UploadState.OPEN:
        staged = _staged(row)
        require_all(staged, await services.parts.found(staged))
        verification = await lease_upload(
            await unit.begin(), upload_id=row.id, lease=services.settings.verification_lease
        )
        await unit.end()
        if verification is not None:
            services.verifier.start(staged, verification=verification)
    with ExitStack() as held:
        try:
            held.enter_context(services.waits.take(project_id))
        except TooManyAtOnce:  # it is begun all the same: answered as it is, as if nobody had time to wait
            ends_at = time.monotonic()
        row = await _settled(unit, services, project_id=project_id, upload_id=upload_id, ends_at=ends_at)
    if row.problem is not None:
        problem = row.problem
        details = {key: problem[key] for key in ("field", "expected", "actual") if key in problem}
        raise DigestMismatch(str(problem["detail"]), remedy=problem["remedy"], **details)
    return await _view(services, row, public_url=public_url)


async def _settled(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, upload_id: UUID, ends_at: float
) -> UploadRow:
    """The upload as soon as nobody verifies it, whichever process does, or when the time is over."""
    while True:
        await services.verifier.wait(upload_id, patience=timedelta(seconds=max(0.0, ends_at - time.monotonic())))
        row = await _require(unit, project_id=project_id, upload_id=upload_id)
        await unit.end()
        if _state_of(row) is not UploadState.VERIFYING or time.monotonic() >= ends_at:
            return row
        await asyncio.sleep(services.settings.wait_poll.total_seconds())


async def drop(unit: UnitOfWork, services: ApiServices, *, project_id: UUID, upload_id: UUID) -> None:
    """Forget it and remove its parts; a blob that it became stays. Raises ``Conflict`` while it is verified."""
    await _require(unit, project_id=project_id, upload_id=upload_id)
    reference = await drop_upload(await unit.begin(), upload_id=upload_id, project_id=project_id)
    await unit.end()
    if reference is None:
        raise Conflict("The upload is being verified.", remedy="Wait until it is complete or refused.")
    await services.parts.discard(upload_id, reference=reference)


async def write_part(services: ApiServices, part: SignedPart, chunks: AsyncIterator[bytes]) -> None:
    """Raises ``UploadIncomplete``, ``UploadTooLarge``, or ``ObjectNotFound`` for an upload that has ended."""
    with services.uploads.take(part.project_id):
        await services.parts.write(part.upload_id, part.number, chunks, size_bytes=part.size_bytes)


async def _has_ended(unit: UnitOfWork, services: ApiServices, row: UploadRow) -> bool:
    """Also where its time is over, or the storage has lost its parts."""
    if _state_of(row) is UploadState.OPEN:
        await unit.end()
        try:
            await services.parts.found(_staged(row))
        except ObjectNotFound:
            return True
    return _state_of(row) in (UploadState.COMPLETE, UploadState.REFUSED) or (
        row.is_over and _state_of(row) is UploadState.OPEN
    )


async def _require_room(unit: UnitOfWork, services: ApiServices, *, project_id: UUID, size_bytes: int) -> None:
    """Raises ``TooManyAtOnce`` or ``OverQuota``. Nobody else takes the room until the transaction ends."""
    under_way = await lock_open_uploads(await unit.begin(), project_id=project_id)
    limit = services.settings.max_open_uploads_per_project
    if under_way.uploads >= limit:
        raise TooManyAtOnce(
            f"{limit} uploads in parts are open, the most that a project may have.",
            remedy="Complete or drop some of them.",
            limit=limit,
        )
    await require_storage_in_quotas(await unit.begin(), project_id=project_id, more_bytes=under_way.bytes + size_bytes)


async def _insert(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, new: NewUpload
) -> tuple[UploadRow, bool]:
    upload_id = uuid4()
    reference = await services.parts.begin(upload_id, digest=new.digest)
    is_new = False
    try:
        await lock_open_uploads(await unit.begin(), project_id=project_id)
        row = await find_upload(await unit.begin(), project_id=project_id, digest=new.digest)
        if row is None:
            await _require_room(unit, services, project_id=project_id, size_bytes=new.size_bytes)
            is_new = await insert_upload(
                await unit.begin(),
                upload_id=upload_id,
                project_id=project_id,
                digest=new.digest,
                size_bytes=new.size_bytes,
                part_bytes=services.storage_settings.part_bytes,
                reference=reference,
                lifetime=services.storage_settings.upload_lifetime,
            )
            row = await find_upload(await unit.begin(), project_id=project_id, digest=new.digest)
    finally:
        await unit.end()
        if not is_new:  # another request was faster, or took the room
            await services.parts.discard(upload_id, reference=reference)
    assert row is not None  # under the lock
    return row, is_new


async def _require(unit: UnitOfWork, *, project_id: UUID, upload_id: UUID) -> UploadRow:
    row = await find_upload(await unit.begin(), project_id=project_id, upload_id=upload_id)
    if row is None or (row.is_over and row.completed_at is None):
        raise NotFound("There is no such upload in this project.", remedy="Begin it anew: POST /v1/uploads.")
    return row


async def _view(services: ApiServices, row: UploadRow, *, public_url: str) -> UploadView:
    state = _state_of(row)
    parts = await _parts_of(services, _staged(row), public_url) if state is UploadState.OPEN else []
    return UploadView(
        id=row.id,
        digest=row.digest,
        size_bytes=row.size_bytes,
        part_bytes=row.part_bytes,
        state=state,
        expires_at=row.expires_at,
        parts=parts,
        problem=row.problem,
    )


async def _parts_of(services: ApiServices, staged: StagedUpload, public_url: str) -> list[UploadPart]:
    there = staged.there(await services.parts.found(staged))
    numbers = range(1, staged.part_count + 1)
    lacking = [number for number in numbers if number not in there]

    def sign() -> dict[int, str]:
        lifetime = services.settings.link_lifetime
        urls = {
            number: services.parts.part_url(staged, number, expires_in=lifetime)
            for number in lacking[: services.settings.upload_links]
        }
        return {number: f"{public_url}{url}" if url.startswith("/") else url for number, url in urls.items()}

    links = await asyncio.to_thread(sign)
    return [
        UploadPart(number=number, size_bytes=staged.size_of(number), is_there=number in there, url=links.get(number))
        for number in numbers
    ]


def _state_of(row: UploadRow) -> UploadState:
    if row.problem is not None:
        return UploadState.REFUSED
    if row.completed_at is not None:
        return UploadState.COMPLETE
    return UploadState.VERIFYING if row.is_verifying else UploadState.OPEN


def _staged(row: UploadRow) -> StagedUpload:
    return StagedUpload(
        id=row.id,
        project_id=row.project_id,
        digest=row.digest,
        size_bytes=row.size_bytes,
        part_bytes=row.part_bytes,
        reference=row.reference,
    )
