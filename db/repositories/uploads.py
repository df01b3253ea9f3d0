"""Uploads in parts: one of a digest in a project at a time, verified by one process at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select

from db._query import as_json, run
from db.session import Transaction
from db.tables import UPLOAD


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    id: UUID
    project_id: UUID
    digest: str
    size_bytes: int
    part_bytes: int
    reference: str
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None
    problem: dict[str, Any] | None
    is_verifying: bool
    is_over: bool
    """Its time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUploads:
    """Of one project."""

    uploads: int
    bytes: int
    """Announced in all."""


async def find_upload(
    tx: Transaction, *, project_id: UUID, upload_id: UUID | None = None, digest: str | None = None
) -> UploadRow | None:
    """By its id, or by what is uploaded."""
    now = func.now()
    query = select(
        *UPLOAD.c["id", "project_id", "digest", "size_bytes", "part_bytes", "reference", "created_at", "expires_at"],
        *UPLOAD.c["completed_at", "problem"],
        (func.coalesce(UPLOAD.c.verifying_until, now) > now).label("is_verifying"),
        (UPLOAD.c.expires_at <= now).label("is_over"),
    ).where(UPLOAD.c.project_id == project_id)
    query = query.where(UPLOAD.c.id == upload_id if digest is None else UPLOAD.c.digest == digest)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else UploadRow(**row)


async def lock_open_uploads(tx: Transaction, *, project_id: UUID) -> OpenUploads:
    """How much is under way; nobody else begins an upload in this project until the transaction ends."""
    await run(tx, "lock_uploads", project_id=project_id)
    row = (await run(tx, "open_uploads", project_id=project_id)).one()
    return OpenUploads(uploads=row.uploads, bytes=int(row.bytes))


async def insert_upload(
    tx: Transaction,
    *,
    upload_id: UUID,
    project_id: UUID,
    digest: str,
    size_bytes: int,
    part_bytes: int,
    reference: str,
    lifetime: timedelta,
) -> bool:
    """False: the project has an upload of this digest already."""
    made = await run(
        tx,
        "insert_upload",
        id=upload_id,
        project_id=project_id,
        digest=digest,
        size_bytes=size_bytes,
        part_bytes=part_bytes,
        reference=reference,
        lifetime=lifetime,
    )
    return made.one_or_none() is not None


async def lease_upload(tx: Transaction, *, upload_id: UUID, lease: timedelta) -> UUID | None:
    """Begin to verify it; the fence to renew and to end it with. None: somebody else does, or it has ended."""
    verification = uuid4()
    taken = await run(tx, "lease_upload", id=upload_id, lease=lease, verification=verification)
    return None if taken.one_or_none() is None else verification


async def renew_verification(tx: Transaction, *, upload_id: UUID, verification: UUID, lease: timedelta) -> bool:
    """False: it was taken over, dropped, or has ended."""
    renewed = await run(tx, "renew_verification", id=upload_id, lease=lease, verification=verification)
    return renewed.one_or_none() is not None


async def end_verification(
    tx: Transaction,
    *,
    upload_id: UUID,
    verification: UUID,
    complete: bool,
    problem: Mapping[str, Any] | None = None,
) -> bool:
    """It is complete, refused for ``problem``, or (neither) open again. False: it was taken over, dropped, or has
    ended, and nothing is written."""
    ended = await run(
        tx,
        "end_verification",
        id=upload_id,
        verification=verification,
        complete=complete,
        problem=None if problem is None else as_json(problem),
    )
    return ended.one_or_none() is not None


async def drop_upload(tx: Transaction, *, upload_id: UUID, project_id: UUID) -> str | None:
    """The storage's name for it; None where it is being verified, or gone."""
    reference: str | None = (await run(tx, "drop_upload", id=upload_id, project_id=project_id)).scalar_one_or_none()
    return reference
