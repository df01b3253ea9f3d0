"""Files of models on this node: waits for a storage that does not answer, not for a disk of this machine that fails."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from cluster.backoff import Patience
from cluster.settings import ClusterSettings
from jobs.errors import Unavailable
from jobs.states import EndReason
from models.errors import BlobMismatch
from models.manifest import Manifest
from models.materialise import ModelCache
from pipelines.errors import EngineError
from storage.base import BlobDamaged, Storage, StorageFull

_TRIAL_BYTES = 64 * 1024
"""What is written to see whether the disk takes anything."""
_OF_A_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}
_Result = TypeVar("_Result")


class NodeModels:
    """The cache of this node, filled from storage."""

    def __init__(self, *, storage: Storage, settings: ClusterSettings) -> None:
        self._storage = storage
        self._folder = settings.cache_dir.resolve() / "models"
        self._cache = ModelCache(root=self._folder, budget_bytes=settings.cache_bytes, verify=False)
        self._patience = Patience(settings.retry_first, settings.retry_longest)
        self._trouble: dict[str, str] = {}

    async def ensure(self, manifest: Manifest, *, job_id: UUID | None) -> Path:
        """The folder with the model's files, until ``release``; waits for a storage that does not answer.

        Raises ``EngineError`` where this machine's disk fails, ``NotFound`` or ``BlobMismatch`` where the storage has
        lost them. ``job_id``: who waits for them, if anybody.
        """

        def tell(words: str) -> None:
            self._trouble = {"trouble": words} if job_id is None else {"job_id": str(job_id), "trouble": words}

        async def ensure() -> Path:
            try:
                return await self._cache.ensure(manifest, fetch=self._storage.fetch_blob)
            except BlobDamaged as error:  # no outage: waiting for it would hold the replica for ever
                raise BlobMismatch(error.message, remedy=error.remedy) from error

        try:
            return await self._patience.until_available(
                "fetch_model", lambda: blame_disk(self._folder, ensure), tell=tell
            )
        finally:
            self._trouble = {}

    def release(self, key: str) -> None:
        """One call for each ``ensure``, with the manifest's ``cache_key``."""
        self._cache.release(key)

    async def fetch(self, manifest: Manifest) -> None:
        """Bring a model's files here, so that who loads it later need not wait for them."""
        async with self._cache.checkout(manifest, fetch=self._storage.fetch_blob):
            pass

    def trouble(self) -> dict[str, str]:
        """In words, the ``trouble`` that keeps files from this machine, and the ``job_id`` that waits for them; empty
        when there is none."""
        return dict(self._trouble)


async def blame_disk(folder: Path, call: Callable[[], Awaitable[_Result]]) -> _Result:
    """Await ``call()``, which brings files from storage to below ``folder``.

    Raises ``EngineError`` (``infra``: another machine may have a better disk) where the folder's own disk failed; what
    else failed, above all a storage that does not answer, is raised as it came.
    """
    try:
        return await call()
    except (Unavailable, OSError) as error:
        fault = await asyncio.to_thread(disk_fault, error, folder)
        if fault is None:
            raise
        raise EngineError(
            EndReason.INFRA,
            f"The disk of this machine's cache, {folder}, failed: {fault}",
            remedy="Free space there or mend it, lower RAYFARM_CLUSTER_CACHE_BYTES, or let RAYFARM_CLUSTER_CACHE_DIR "
            "name another disk. Until then, drain the machine.",
        ) from error


def disk_fault(error: Exception, folder: Path) -> str | None:
    """In words, what is wrong with the disk under ``folder``; None where it is not the cause. Blocking.

    A fetch writes nowhere else, so a lack of room is always this disk's. Other errors can be of either end: then
    a trial file tells.
    """
    if isinstance(error, StorageFull) or (isinstance(error, OSError) and error.errno in _OF_A_DISK):
        return str(error)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(os.urandom(_TRIAL_BYTES))
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as trial_error:
        return str(trial_error)
    return None
