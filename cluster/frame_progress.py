"""Where the frame that renders stands: kept beside its chunk, and told to those who watch, not more often than set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from db.queue import tell_progress
from db.session import Database
from jobs.errors import Unavailable
from pipelines.base import Tally

_log = structlog.get_logger(__name__)

_DETAIL_CHARS = 200
"""Of the engine's own line: a notification of PostgreSQL holds 8,000 bytes in all."""

_ETA_FROM = 0.01
"""Fraction below which an estimate would be a guess."""


class PreviewAt(NamedTuple):
    """A picture of a frame that renders, in storage."""

    key: str
    number: int
    """From 1, of this try at the frame."""


@dataclass(slots=True)
class ChunkProgress:
    """What the replica's row shows of the running chunk, and of its frame that renders now."""

    job_id: UUID
    work_id: int
    fence: int
    part: int | None = None
    """Of a split frame: which part, from 0, and of how many."""
    parts: int | None = None
    ordinal: int | None = None
    frame: int | None = None
    attempt_id: UUID | None = None
    scratch: Path | None = None
    """Where its engine writes."""
    preview: PreviewAt | None = None
    fraction: float = 0.0
    detail: str = ""
    tally: Tally | None = None
    _began: float = field(default_factory=time.monotonic)

    def begin(self, ordinal: int, frame: int, attempt_id: UUID, scratch: Path) -> None:
        """This try at a frame renders now; one that has begun already goes on."""
        if attempt_id != self.attempt_id:
            self.ordinal, self.frame, self.attempt_id, self.scratch = ordinal, frame, attempt_id, scratch
            self._began = time.monotonic()
            self.preview, self.fraction, self.detail, self.tally = None, 0.0, "", None

    def take(self, fraction: float, detail: str, tally: Tally | None) -> bool:
        """What the engine reports of it; whether that is news."""
        before = (self.fraction, self.detail, self.tally)
        self.fraction, self.detail, self.tally = fraction, detail[:_DETAIL_CHARS], tally
        return before != (self.fraction, self.detail, self.tally)

    @property
    def age_s(self) -> float:
        """Seconds since the frame began."""
        return time.monotonic() - self._began

    @property
    def eta_s(self) -> float | None:
        """Seconds that the frame still takes, at the pace so far."""
        if self.fraction < _ETA_FROM:
            return None
        return self.age_s * (1 - self.fraction) / self.fraction

    def as_json(self) -> dict[str, Any]:
        tally, eta = self.tally, self.eta_s
        return {
            "job_id": str(self.job_id),
            "work_id": self.work_id,
            "fence": self.fence,
            "part": self.part,
            "parts": self.parts,
            "ordinal": self.ordinal,
            "frame": self.frame,
            "fraction": round(self.fraction, 3),
            "detail": self.detail,
            "done": tally.done if tally else None,
            "total": tally.total if tally else None,
            "unit": tally.unit if tally else None,
            "eta_seconds": None if eta is None else round(eta, 1),
            "preview": self.preview.number if self.preview else None,
            "preview_key": self.preview.key if self.preview else None,
        }


class ProgressTeller:
    """Tells at most once in ``every``, and nothing of younger frames; what comes between is told with the next.

    Progress is worth no patience: what the database does not take is dropped.
    """

    def __init__(self, *, database: Database, replica_id: UUID, every: timedelta) -> None:
        self._database = database
        self._replica_id = replica_id
        self._every_s = every.total_seconds()
        self._news = asyncio.Event()

    def note(self) -> None:
        """There is something to tell."""
        self._news.set()

    async def run(self, running: Callable[[], ChunkProgress | None], state: Callable[[], Mapping[str, Any]]) -> None:
        """For ever. ``running``: the chunk that renders now; ``state``: what the replica's row shall show."""
        while True:
            await self._news.wait()
            await asyncio.sleep(self._every_s)
            progress = running()
            if progress is not None and progress.age_s < self._every_s:
                continue
            self._news.clear()
            if progress is not None and progress.ordinal is not None:
                await self._tell(progress, state())

    async def _tell(self, progress: ChunkProgress, state: Mapping[str, Any]) -> None:
        assert progress.ordinal is not None
        try:
            await tell_progress(
                self._database,
                replica_id=self._replica_id,
                work_id=progress.work_id,
                fence=progress.fence,
                ordinal=progress.ordinal,
                current=state,
                told=progress.as_json(),
            )
        except (Unavailable, OSError) as error:
            _log.debug("progress_untold", work_id=progress.work_id, error=str(error))
        except Exception:
            # No word of progress is worth the replica.
            _log.exception("progress_untold", work_id=progress.work_id)
