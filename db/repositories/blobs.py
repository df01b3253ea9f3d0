"""Which blobs a project has. Only its own uploads count: another's is no proof that it has the bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Boolean, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from db._query import run
from db.session import Transaction
from db.tables import BLOB, PROJECT_BLOB


async def lacking_blobs(tx: Transaction, *, project_id: UUID, digests: Sequence[str]) -> list[str]:
    """Those of ``digests`` that the project has not uploaded, sorted."""
    done = await run(tx, "lacking_blobs", project_id=project_id, digests=list(dict.fromkeys(digests)))
    return list(done.scalars().all())


async def record_blob(tx: Transaction, *, project_id: UUID, digest: str, size_bytes: int) -> bool:
    """The bytes are in storage: the project has this blob now. False: it had it before.

    An unused blob may be dropped just before: after the commit, look whether storage still has it.
    """
    await run(tx, "no_blob_sweep")
    await tx.execute(
        insert(BLOB)
        .values(digest=digest, size_bytes=size_bytes, created_at=func.now())
        .on_conflict_do_nothing(index_elements=["digest"])
    )
    made = await tx.execute(
        insert(PROJECT_BLOB)
        .values(project_id=project_id, digest=digest, created_at=func.now())
        .on_conflict_do_update(index_elements=["project_id", "digest"], set_={"sent_at": func.now()})
        .returning(literal_column("xmax = 0", Boolean))
    )
    return bool(made.scalar_one())


async def record_blobs(tx: Transaction, *, project_id: UUID, sizes: Mapping[str, int]) -> set[str]:
    """``record_blob`` of many, by digest and size in bytes; those that the project did not have before."""
    if not sizes:
        return set()
    await run(tx, "no_blob_sweep")
    made = await run(
        tx, "record_blobs", project_id=project_id, digests=list(sizes), sizes=[sizes[digest] for digest in sizes]
    )
    return {row.digest for row in made if row.is_new}


async def blob_size(tx: Transaction, *, project_id: UUID, digest: str) -> int | None:
    """Size of a blob of the project; None where it has none such."""
    owned = PROJECT_BLOB.c.digest == BLOB.c.digest
    query = select(BLOB.c.size_bytes).join(PROJECT_BLOB, owned)
    found = await tx.execute(query.where(PROJECT_BLOB.c.project_id == project_id, BLOB.c.digest == digest))
    size: int | None = found.scalar_one_or_none()
    return size
