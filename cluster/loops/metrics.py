"""Health of the loops as metrics."""

from __future__ import annotations

from typing import Protocol

from ray.util import metrics


class LoopMeter(Protocol):
    """Hears of every tick."""

    def observe(self, name: str, *, took_s: float, handled: int, failures: int) -> None:
        """``failures``: ticks of this loop that have failed in a row, this one counted."""
        ...


class RayLoopMeter:
    """In Ray's own metrics, which its agents serve to Prometheus."""

    def __init__(self) -> None:
        keys = ("loop",)
        self._took = metrics.Histogram(
            "rayfarm_loop_tick_seconds",
            description="How long a tick of a loop took.",
            boundaries=[0.001, 0.01, 0.1, 1, 10, 60],
            tag_keys=keys,
        )
        self._handled = metrics.Counter(
            "rayfarm_loop_handled_total", description="Rows that a loop has handled.", tag_keys=keys
        )
        self._failures = metrics.Gauge(
            "rayfarm_loop_failures", description="Ticks of a loop that have failed in a row.", tag_keys=keys
        )

    def observe(self, name: str, *, took_s: float, handled: int, failures: int) -> None:
        tags = {"loop": name}
        self._took.observe(took_s, tags=tags)
        self._failures.set(failures, tags=tags)
        if handled:
            self._handled.inc(handled, tags=tags)
