"""Reads uploads whose parts are all here, a few at a time, and makes blobs of those that are what they claim to be.

It goes on when the request that asked for it has ended: 32 GiB take minutes. A lease on the row keeps other processes
from doing the same; if this one dies, the lease ends, and whoever asks next begins again. One that was only slow finds
another's fence on the row then, and touches nothing.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from db.billing.quotas import require_storage_in_quotas
from db.repositories.blobs import record_blob
from db.repositories.uploads import end_verification, renew_verification
from db.session import Database
from jobs.billing import OverQuota
from jobs.errors import RayfarmError
from storage.base import DigestMismatch, Storage
from storage.parts import PartUploads, StagedUpload

log = structlog.get_logger(__name__)


class Verifier:
    """One per process; ``close`` it."""

    def __init__(
        self, *, database: Database, storage: Storage, parts: PartUploads, at_once: int, lease: timedelta
    ) -> None:
        self._database = database
        self._storage = storage
        self._parts = parts
        self._gate = asyncio.Semaphore(at_once)
        self._lease = lease
        self._tasks: dict[UUID, asyncio.Task[None]] = {}

    def start(self, upload: StagedUpload, *, verification: UUID) -> None:
        """Begin to verify an upload whose lease was just taken, under the fence that it gave."""
        task = asyncio.create_task(self._verify(upload, verification), name=f"verify {upload.id}")
        self._tasks[upload.id] = task
        task.add_done_callback(lambda done: self._forget(upload.id, done))

    def _forget(self, upload_id: UUID, done: asyncio.Task[None]) -> None:
        if self._tasks.get(upload_id) is done:  # a stale one may end behind the begin of the next
            del self._tasks[upload_id]

    async def wait(self, upload_id: UUID, *, patience: timedelta) -> None:
        """As long as it is verified in this process, at most ``patience``."""
        if task := self._tasks.get(upload_id):
            await asyncio.wait({task}, timeout=patience.total_seconds())

    async def close(self) -> None:
        """Stop: what is not done is begun again when somebody asks for it."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _verify(self, upload: StagedUpload, verification: UUID) -> None:
        beat = asyncio.create_task(self._keep_lease(upload.id, verification), name=f"lease of {upload.id}")
        problem: RayfarmError | None = None
        complete = False
        try:
            async with self._gate:
                await self._parts.assemble(upload)
            complete = await self._record(upload)
        except (DigestMismatch, OverQuota) as error:
            problem = error
        except RayfarmError as error:  # of the storage or the database: it stays open, and is tried again when asked
            log.warning("upload not verified", action="uploads.not_verified", upload=str(upload.id), error=str(error))
        except Exception:
            log.exception("upload not verified", action="uploads.not_verified", upload=str(upload.id))
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            await self._end(upload, verification, complete=complete, problem=problem)

    async def _record(self, upload: StagedUpload) -> bool:
        async with self._database.transaction() as tx:
            project_id = upload.project_id
            if await record_blob(tx, project_id=project_id, digest=upload.digest, size_bytes=upload.size_bytes):
                await require_storage_in_quotas(tx, project_id=project_id, more_bytes=0)  # others found room meanwhile
        return await self._storage.has_blob(upload.digest)  # else it was dropped as unused just before the row

    async def _end(
        self, upload: StagedUpload, verification: UUID, *, complete: bool, problem: RayfarmError | None
    ) -> None:
        try:
            words = None if problem is None else _words_of(problem)
            async with self._database.transaction() as tx:
                ended = await end_verification(
                    tx, upload_id=upload.id, verification=verification, complete=complete, problem=words
                )
            if not ended:  # its parts are the next one's now
                log.warning("verification superseded", action="uploads.superseded", upload=str(upload.id))
            elif complete or problem is not None:  # behind the row; what a crash leaves here is swept by its age
                await self._parts.discard(upload.id, reference=upload.reference)
        except Exception:  # the lease ends by itself
            log.exception("end of an upload not written", action="uploads.not_ended", upload=str(upload.id))

    async def _keep_lease(self, upload_id: UUID, verification: UUID) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                async with self._database.transaction() as tx:
                    held = await renew_verification(
                        tx, upload_id=upload_id, verification=verification, lease=self._lease
                    )
                if not held:
                    return
            except RayfarmError as error:
                log.warning("lease not renewed", action="uploads.lease", upload=str(upload_id), error=str(error))


def _words_of(problem: RayfarmError) -> dict[str, Any]:
    return {"code": problem.code, "detail": problem.message, "remedy": problem.remedy, **problem.details}
