"""How much video memory each engine holds, as the cards' driver counts it. Nothing where there is no NVIDIA card.

The driver is asked through NVML (``nvidia-ml-py``), from outside of the engine: it also counts what CUDA itself and
OptiX take, which no engine knows of. Inside of a container most drivers name processes by the host's ids; then nothing
can be told of single engines (unless the container shares the host's ids), and the log says so once.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

logger = logging.getLogger(__name__)

LOOK_AGE_S = 0.25
"""Seconds for which one look at the cards serves all who ask. A look takes about a millisecond a card."""
_DEEPEST = 64
"""Generations of processes that are followed upwards."""


class CardReader(Protocol):
    """Who asks the driver."""

    def total_bytes(self) -> int:
        """Video memory of all cards that this process may use."""
        ...

    def held_by_process(self) -> Mapping[int, int]:
        """Process id → bytes that it holds on these cards together."""
        ...


class NvmlReader:
    """Asks NVML about the cards in ``CUDA_VISIBLE_DEVICES``, or all."""

    def __init__(self, nvml: Any, cards: Sequence[Any]) -> None:
        """``nvml``: the module ``pynvml`` after its init; ``cards``: its handles."""
        self._nvml = nvml
        self._cards = cards

    @classmethod
    def open(cls) -> Self | None:
        """None where there is no driver, no card, or no ``nvidia-ml-py``."""
        try:
            nvml: Any = importlib.import_module("pynvml")  # optional: a farm without cards does not have it
        except ImportError:
            return None
        try:
            nvml.nvmlInit()
            cards = list(_visible(nvml, os.environ.get("CUDA_VISIBLE_DEVICES")))
        except nvml.NVMLError:
            return None
        return cls(nvml, cards) if cards else None

    def total_bytes(self) -> int:
        return sum(int(self._nvml.nvmlDeviceGetMemoryInfo(card).total) for card in self._cards)

    def held_by_process(self) -> dict[int, int]:
        held: dict[int, int] = {}
        for card in self._cards:
            on_card: dict[int, int] = {}
            for ask in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
                for process in self._ask(ask, card):
                    # One that computes and draws is in both lists, each time with all that it holds.
                    on_card[process.pid] = max(on_card.get(process.pid, 0), process.usedGpuMemory or 0)
            for pid, size in on_card.items():
                held[pid] = held.get(pid, 0) + size
        return held

    def uncorrected_errors(self) -> int | None:
        """That the cards' memory met since their driver was loaded; None where no card counts them."""
        counts = []
        for card in self._cards:
            try:
                counts.append(
                    int(
                        self._nvml.nvmlDeviceGetTotalEccErrors(
                            card, self._nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, self._nvml.NVML_VOLATILE_ECC
                        )
                    )
                )
            except self._nvml.NVMLError:  # cards for desks count none
                continue
        return sum(counts) if counts else None

    def _ask(self, question: str, card: Any) -> Sequence[Any]:
        try:
            return list(getattr(self._nvml, question)(card))
        except self._nvml.NVMLError:  # a card that was reset, or one that knows no graphics
            return ()


class VideoMemory:
    """What engines hold. ``look`` may be called from any thread; it blocks for about a millisecond a card."""

    def __init__(self, reader: CardReader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._looking = threading.Lock()
        self._looked_at: float | None = None
        self._held: Mapping[int, int] = {}
        self._warned = False
        self.total_bytes = reader.total_bytes()
        """Of all cards together."""

    def look(self, max_age_s: float = LOOK_AGE_S) -> None:
        """Ask the driver, unless somebody has within ``max_age_s``."""
        with self._looking:
            now = self._clock()
            if self._looked_at is not None and now - self._looked_at < max_age_s:
                return
            by_process = self._reader.held_by_process()
            held: dict[int, int] = {}
            for pid, size in by_process.items():
                for relative in _upwards(pid):
                    held[relative] = held.get(relative, 0) + size
            self._held, self._looked_at = held, now
            self._warn_of_strangers(by_process)

    def held_by(self, pid: int) -> int:
        """Bytes of a process and all below it, at the last look; 0 before the first."""
        return self._held.get(pid, 0)

    def _warn_of_strangers(self, by_process: Mapping[int, int]) -> None:
        if self._warned or not by_process or any(_exists(pid) for pid in by_process):
            return
        self._warned = True
        logger.warning(
            "the driver names the processes on its cards by ids of another namespace: video memory of engines is "
            "unknown here; let the container share the host's process ids",
            extra={"action": "video_memory_unknown"},
        )


def open_video_memory() -> VideoMemory | None:
    """Of this machine's cards; None where there are none that can be asked."""
    reader = NvmlReader.open()
    return None if reader is None else VideoMemory(reader)


def _visible(nvml: Any, wanted: str | None) -> Iterator[Any]:
    """Handles of the cards that CUDA would show: by index or UUID, up to the first that does not exist."""
    if wanted is None:
        yield from (nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount()))
        return
    for name in filter(None, (part.strip() for part in wanted.split(","))):
        try:
            if name.isdecimal():
                yield nvml.nvmlDeviceGetHandleByIndex(int(name))
            else:
                yield nvml.nvmlDeviceGetHandleByUUID(name)
        except nvml.NVMLError:
            return


def _upwards(pid: int) -> Iterator[int]:
    """The process and those above it, as far as they can be seen from here."""
    for _ in range(_DEEPEST):
        yield pid
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError, ValueError):
            return
        if pid <= 1:
            return


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
