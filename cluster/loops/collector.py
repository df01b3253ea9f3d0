"""Garbage collection: files in storage that no live row names are deleted, never one that is named.

The rows decide, under the lock of their job (``db.loops.collect``), or under that of all blobs; the file is deleted
after that, since what was dead then stays dead. A walk begins at a random place and comes round, so that a leader that
is often replaced still reaches every job in time; artifacts and blobs are walked by turns. Only files of jobs that the
database knows are touched, and blobs only where no other farm keeps its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog

from cluster.loops.bucket_owners import is_alone
from cluster.loops.ownerless_blobs import BLOBS, OwnerlessBlobs
from cluster.loops.settings import LoopSettings
from db.errors import DatabaseUnavailable, LostLeadership, RowsBusy
from db.loops import KeyOfJob, dead_keys, drop_blob, unnamed_keys, unused_blobs
from db.session import Database
from jobs.errors import Unavailable
from storage.base import ListedObject, Storage
from storage.keys import blob_key

_log = structlog.get_logger(__name__)

_ARTIFACTS = "artifacts/"
_BLOBS_AT_ONCE = 100
"""Blobs dropped in one tick."""


class Collector:
    """One step of a walk per tick; before each round of walks it looks for unused blobs."""

    name = "collector"

    def __init__(
        self,
        *,
        database: Database,
        storage: Storage,
        settings: LoopSettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._storage = storage
        self._settings = settings
        self._clock = clock
        self._ownerless = OwnerlessBlobs(database=database, storage=storage)
        self.every = settings.collect_pause
        self._walks: deque[_Walk] = deque()
        self._next_walk = 0.0
        """By the monotonic clock."""

    @property
    def walks(self) -> bool:
        """Whether it is in the middle of a walk."""
        return bool(self._walks)

    async def tick(self, epoch: int) -> int:
        """One page of a walk; how many files it deleted."""
        if not self._walks:
            if time.monotonic() < self._next_walk:
                return 0
            self._walks.append(_Walk(_ARTIFACTS, after=str(uuid4())))
            if await is_alone(self._database, self._storage):
                self._walks.append(_Walk(BLOBS, after=f"{uuid4().hex[:2]}/"))
            await self._storage.sweep()
            return await self._drop_blobs(epoch)
        walk = self._walks[0]
        self._walks.rotate(-1)
        page = await self._storage.list_objects(walk.root, after=walk.after, limit=self._settings.collect_page)
        ended = len(page) < self._settings.collect_page
        if walk.root == BLOBS:
            old_enough = self._clock() - self._settings.ownerless_blobs_kept
            deleted, seen = await self._ownerless.delete(page, stored_before=old_enough, epoch=epoch)
            ended = ended and len(seen) == len(page)
        else:
            deleted, seen = await self._collect(page, epoch), page
        if walk.step(seen, ended=ended):
            self._walks.remove(walk)
            if not self._walks:
                self._next_walk = time.monotonic() + self._settings.collect_every.total_seconds()
        return deleted

    async def _collect(self, page: Sequence[ListedObject], epoch: int) -> int:
        old_enough = self._clock() - self._settings.leftovers_kept
        keys = [known for item in page if item.stored_at < old_enough and (known := _of_job(item.key)) is not None]
        if not keys:
            return 0
        ordinals = {key: ordinal for key, _, ordinal in keys}
        deleted = 0
        for job_id, unnamed in (await unnamed_keys(self._database, keys=keys)).items():
            try:
                asked = [(key, ordinals[key]) for key in unnamed]
                dead = await dead_keys(self._database, job_id=job_id, keys=asked, epoch=epoch)
                for key in dead:
                    await self._storage.delete(key)
                    deleted += 1
            except RowsBusy as error:
                _log.warning("collect_waits", job_id=str(job_id), error=str(error))
            except (LostLeadership, DatabaseUnavailable, Unavailable):
                raise
            except Exception:
                _log.exception("collect_failed", job_id=str(job_id))
        if deleted:
            _log.info("leftovers_deleted", count=deleted)
        return deleted

    async def _drop_blobs(self, epoch: int) -> int:
        kept = self._settings.unused_blobs_kept
        if kept is None:
            return 0
        dropped = 0
        for digest in await unused_blobs(self._database, kept=kept, limit=_BLOBS_AT_ONCE):
            try:
                dropped += await drop_blob(
                    self._database, digest=digest, kept=kept, epoch=epoch, delete=self._delete_blob
                )
            except RowsBusy as error:
                _log.warning("drop_waits", digest=digest, error=str(error))
            except (LostLeadership, DatabaseUnavailable, Unavailable):
                raise
            except Exception:
                _log.exception("drop_failed", digest=digest)
        return dropped

    async def _delete_blob(self, digest: str) -> None:
        await self._storage.delete(blob_key(digest))


class _Walk:
    """Where a walk through all keys below a root stands: from a random place to the end, then from the beginning."""

    def __init__(self, root: str, *, after: str) -> None:
        self.root = root
        self.after = self._start = f"{root}{after}"
        self._came_round = False

    def step(self, seen: Sequence[ListedObject], *, ended: bool) -> bool:
        """Go behind what was seen; whether the walk is over. ``ended``: there is nothing behind it."""
        if seen:
            self.after = seen[-1].key
        if self._came_round:
            return ended or self.after > self._start
        if ended:
            self._came_round, self.after = True, ""
        return False


def _of_job(key: str) -> KeyOfJob | None:
    """A key as the rows know it; None for one that no job of ours can have."""
    parts = key.split("/")
    if len(parts) < 4:
        return None
    try:
        job_id = UUID(parts[1])
    except ValueError:
        return None
    ordinal = int(parts[2]) if parts[2].isascii() and parts[2].isdigit() and len(parts[2]) < 10 else None
    return (key, job_id, ordinal)
