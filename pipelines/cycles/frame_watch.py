# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress and phase times of a render, from Blender's handlers and from the time the last frame took.

Without a window Cycles counts its samples in batches of half a minute and more (measured on a CPU: each sample alone
where one takes 18 s, none but the last where all take less); between two counts goes time against the estimate.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

import bpy

from pipelines.base import ProgressCallback
from pipelines.cycles.sample_count import SampleCount

_TICK_S = 0.5
_CEILING = 0.95
"""Time alone never says that a frame is done. At the ceiling the ticks stop, so that a stall shows as silence."""


class FrameWatch:
    """Watches one frame at a time; installed once for the life of the process."""

    def __init__(self) -> None:
        self.rendered_at = 0.0
        """``perf_counter`` at the end of the pixels, before the file is written."""
        self._expected_s: float | None = None
        self._progress: ProgressCallback | None = None
        self._begun = 0.0
        self._samples = SampleCount()
        self._first_sample_at = 0.0
        self._estimate_s: float | None = None
        """What the frame that renders will take in all."""
        self._over = threading.Event()

        # Persistent handlers outlive the load of another file; Blender takes plain functions only.
        def on_stats(text: Any, _: Any = None) -> None:
            if self._progress is not None:
                self._hear(str(text))
                fraction = self._fraction()
                self._progress(fraction, str(text), self._samples.at(fraction))

        def on_post(*_: Any) -> None:
            self.rendered_at = time.perf_counter()

        bpy.app.handlers.render_stats.append(bpy.app.handlers.persistent(on_stats))
        bpy.app.handlers.render_post.append(bpy.app.handlers.persistent(on_post))

    def forget(self) -> None:
        """Another scene: the last frame's time says nothing about the next."""
        self._expected_s = None

    def watch(self, progress: ProgressCallback, *, layers: int = 1) -> Self:
        """The next frame, of so many view layers."""
        self._progress = progress
        self._samples = SampleCount(layers)
        return self

    def __enter__(self) -> None:
        self._begun = self.rendered_at = self._first_sample_at = time.perf_counter()
        self._estimate_s = self._expected_s
        self._over = threading.Event()
        if self._expected_s is not None and self._expected_s > _TICK_S:
            threading.Thread(target=self._tick, args=(self._over,), name="frame-progress", daemon=True).start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._progress = None
        if error is None:
            self._expected_s = time.perf_counter() - self._begun

    def _hear(self, line: str) -> None:
        """The pace of its own samples says more of a frame than the frame before."""
        if not self._samples.read(line):
            return
        now, fraction = time.perf_counter(), self._samples.fraction
        if not fraction:
            self._first_sample_at = now  # until here the scene was prepared
        else:
            self._estimate_s = self._first_sample_at - self._begun + (now - self._first_sample_at) / fraction

    def _fraction(self) -> float:
        if self._estimate_s is None:
            return 0.0
        return min(_CEILING, (time.perf_counter() - self._begun) / self._estimate_s)

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(_TICK_S):
            progress, fraction = self._progress, self._fraction()
            if progress is None or fraction >= _CEILING:
                return
            progress(fraction, "rendering", self._samples.at(fraction))
