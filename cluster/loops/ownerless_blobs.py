"""Blobs in storage that are no project's: refused for its quota once they were there, or cut off before their row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from db.errors import DatabaseUnavailable, LostLeadership, RowsBusy
from db.loops import drop_ownerless_blob, ownerless_blobs
from db.session import Database
from jobs.errors import InvalidInput, Unavailable
from storage.base import ListedObject, Storage
from storage.keys import blob_key

_log = structlog.get_logger(__name__)

BLOBS = "blobs/"
_AT_ONCE = 100
"""Blobs deleted of one page: each takes a transaction of its own, so that uploads wait for one deletion at most."""


class OwnerlessBlobs:
    """Pages of a walk through all blobs are handed to it."""

    def __init__(self, *, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def delete(
        self, page: Sequence[ListedObject], *, stored_before: datetime, epoch: int
    ) -> tuple[int, Sequence[ListedObject]]:
        """How many it deleted, and how much of the page it saw to: the rest is for another step of the walk."""
        places = {
            digest: place
            for place, item in enumerate(page)
            if item.stored_at < stored_before and (digest := _digest_of(item.key)) is not None
        }
        found = await ownerless_blobs(self._database, digests=list(places)) if places else []
        ownerless = sorted(found, key=places.__getitem__)
        seen = page if len(ownerless) <= _AT_ONCE else page[: places[ownerless[_AT_ONCE]]]
        deleted = 0
        for digest in ownerless[:_AT_ONCE]:
            try:
                deleted += await drop_ownerless_blob(
                    self._database, digest=digest, epoch=epoch, delete=self._delete_file
                )
            except RowsBusy as error:  # an upload is being recorded, so that the next would be as busy
                _log.warning("ownerless_blob_waits", digest=digest, error=str(error))
                seen = page[: places[digest]]
                break
            except (LostLeadership, DatabaseUnavailable, Unavailable):
                raise
            except Exception:
                _log.exception("ownerless_blob_failed", digest=digest)
        if deleted:
            _log.info("ownerless_blobs_deleted", count=deleted)
        return deleted, seen

    async def _delete_file(self, digest: str) -> None:
        await self._storage.delete(blob_key(digest))


def _digest_of(key: str) -> str | None:
    """None for what no upload of ours stored."""
    digest = key.rpartition("/")[2]
    try:
        return digest if key == blob_key(digest) else None
    except InvalidInput:
        return None
