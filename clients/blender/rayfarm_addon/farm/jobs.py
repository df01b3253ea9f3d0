# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as the panel shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OVER = frozenset({"succeeded", "failed", "canceled"})
SHOWN = 12
"""Newest jobs of the project that a panel has room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job, as the farm saw it last."""

    id: str
    name: str
    state: str
    done: int
    total: int
    failed: int
    fraction: float
    wait: str
    """Why it waits, or why it ended so, in words; empty: neither."""
    eta_seconds: float | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> JobRow:
        counts = data.get("counts") or {}
        total = int(counts.get("total") or 0)
        state = str(data.get("state") or "queued")
        wait = str((data.get("wait") or {}).get("words") or "")
        return cls(
            id=str(data["id"]),
            name=str(data.get("name") or "untitled"),
            state=state,
            done=int(counts.get("committed") or 0) + int(counts.get("reused") or 0),
            total=total,
            failed=int(counts.get("failed") or 0),
            fraction=min(1.0, max(0.0, float(data.get("progress") or 0.0))),
            wait=str(data.get("message") or "") if state in OVER else wait,
            eta_seconds=data.get("eta_seconds"),
        )

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def words(self) -> str:
        """One line: where it stands."""
        text = f"{self.done} of {self.total} frames" if self.total else self.state
        if self.failed:
            text += f", {self.failed} failed"
        if self.eta_seconds is not None and not self.is_over:
            text += f", {_duration(self.eta_seconds)} left"
        return f"{self.state}: {text}" if self.is_over or not self.done else text


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
