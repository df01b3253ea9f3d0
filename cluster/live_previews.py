"""Small pictures of the frame that renders: taken from its engine's folder into storage, and gone when it has ended.

Each is an object of its own below its attempt, so that links and caches stay true, and follows the one before. What a
killed replica leaves behind no row names: the collector finds it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog

from cluster.frame_progress import ChunkProgress, PreviewAt
from jobs.errors import Unavailable
from pipelines.live_preview import MEDIA_TYPE, SeenPreview, read_preview
from storage.base import Storage
from storage.keys import artifact_key

_log = structlog.get_logger(__name__)

_LAST_WORD_S = 5.0
"""What removing the last one may take of the end of a replica."""


@dataclass(slots=True)
class _Shown:
    """The newest picture of an attempt that is in storage."""

    attempt_id: UUID
    version: tuple[int, int]
    at: PreviewAt


class LivePreviews:
    """Looks every so often. Pictures are worth no patience: one that cannot be stored is left out."""

    def __init__(self, *, storage: Storage, every: timedelta | None) -> None:
        self._storage = storage
        self._every = every
        self._shown: _Shown | None = None
        self._replaced: str | None = None
        """The one before it, which may still be looked at until the newest is told of."""

    async def run(self, running: Callable[[], ChunkProgress | None], note: Callable[[], None]) -> None:
        """For ever, where they are wanted. ``note`` is called when ``running().preview`` is another."""
        if self._every is None:
            return
        try:
            while True:
                await asyncio.sleep(self._every.total_seconds())
                try:
                    await self._look(running(), note)
                except (Unavailable, OSError) as error:
                    _log.debug("preview_left_out", error=str(error))
                except Exception:
                    # No picture is worth the replica.
                    _log.exception("preview_left_out")
        finally:
            await self._remove_last()

    async def _look(self, progress: ChunkProgress | None, note: Callable[[], None]) -> None:
        attempt_id = progress.attempt_id if progress is not None else None
        await self._delete_replaced()
        shown = self._shown
        if shown is not None and shown.attempt_id != attempt_id:
            self._shown = None
            await self._storage.delete(shown.at.key)
            shown = None
        if progress is None or attempt_id is None or progress.scratch is None:
            return
        seen = await asyncio.to_thread(read_preview, progress.scratch, seen=shown.version if shown else None)
        if seen is None:
            return
        number = shown.at.number + 1 if shown is not None else 1
        key = artifact_key(
            job_id=str(progress.job_id),
            part=progress.ordinal or 0,
            attempt=str(attempt_id),
            filename=f"live-preview-{number:04d}.jpg",
        )
        await self._put(key, seen)
        self._shown = _Shown(attempt_id, seen.version, PreviewAt(key, number))
        if progress.attempt_id == attempt_id:  # it has not ended meanwhile
            progress.preview = self._shown.at
            note()
        self._replaced = shown.at.key if shown is not None else None

    async def _delete_replaced(self) -> None:
        if self._replaced is not None:
            await self._storage.delete(self._replaced)
            self._replaced = None

    async def _put(self, key: str, seen: SeenPreview) -> None:
        """From a file that the engine cannot reach: it might change its own meanwhile."""
        with tempfile.TemporaryDirectory(prefix="rayfarm-preview-") as folder:
            source = Path(folder).resolve() / "preview.jpg"
            source.write_bytes(seen.content)
            await self._storage.put_artifact(key, source, media_type=MEDIA_TYPE)

    async def _remove_last(self) -> None:
        try:
            async with asyncio.timeout(_LAST_WORD_S):
                await self._delete_replaced()
                if self._shown is not None:
                    await self._storage.delete(self._shown.at.key)
        except (Unavailable, OSError) as error:  # TimeoutError among them
            _log.debug("preview_left_behind", error=str(error))
