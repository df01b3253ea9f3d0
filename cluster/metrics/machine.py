"""How the machine below a process fares: room on the farm's disks, errors of the cards' memory."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import structlog

from cluster.metrics.ports import MachineMeter

_log = structlog.get_logger(__name__)


class ErrorCounter(Protocol):
    """Who asks the driver of the cards."""

    def uncorrected_errors(self) -> int | None: ...


class MachineTeller:
    """``run`` until cancelled; ``tick`` is one look, for tests. It tells of health, and decides about none."""

    def __init__(
        self, *, places: Mapping[str, Path], cards: ErrorCounter | None, meter: MachineMeter, every: timedelta
    ) -> None:
        """``places``: by the name that the metric has for each."""
        self._places = places
        self._cards = cards
        self._meter = meter
        self._every = every

    async def run(self) -> None:
        """Ends at once where there is nothing to look at. No error ends it: who renders must not fall with it."""
        while self._places or self._cards is not None:
            try:
                await self.tick()
            except Exception:
                _log.exception("machine_not_measured")
            await asyncio.sleep(self._every.total_seconds())

    async def tick(self) -> None:
        """In a thread: a network disk that hangs must not hold up who renders."""
        await asyncio.to_thread(self._look)

    def _look(self) -> None:
        for name, place in self._places.items():
            try:
                usage = shutil.disk_usage(_nearest(place))
            except OSError as error:
                _log.warning("disk_not_measured", place=name, error=str(error))
                continue
            self._meter.disk(name, free_bytes=usage.free, size_bytes=usage.total)
        if self._cards is not None and (errors := self._cards.uncorrected_errors()) is not None:
            self._meter.gpu_errors(errors)


def _nearest(place: Path) -> Path:
    """The folder itself, or what of its path exists: it may be made with the first file."""
    return next(folder for folder in (place, *place.absolute().parents) if folder.exists())
