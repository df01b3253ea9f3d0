"""Whether the disk of this node's cache is why a model's files did not come: the farm's storage need not be at fault."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from jobs.errors import Unavailable
from jobs.states import EndReason
from pipelines.errors import EngineError
from storage.base import StorageFull

_TRIAL_BYTES = 64 * 1024
"""What is written to see whether the disk takes anything."""
_OF_A_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}
_Result = TypeVar("_Result")


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
            remedy="Free space there or mend it, lower RAYFARM_CLUSTER_CACHE_BYTES, or let RAYFARM_CLUSTER_CACHE_DIR name "
            "another disk. Until then, drain the machine.",
        ) from error


def disk_fault(error: Exception, folder: Path) -> str | None:
    """In words, what is wrong with the disk under ``folder``; None where it is not the cause. Blocking.

    A fetch writes nowhere else, so a lack of room is always this disk's. Other errors can be of either end: a trial file
    tells.
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
