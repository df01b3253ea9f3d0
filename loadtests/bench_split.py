"""One frame over two replicas of one thread each: ``python -m loadtests.bench_split`` (part of ``make bench``).

In turn: the frame whole, on one of two replicas that both hold the scene; the same frame in two parts with their merge;
and what the machine could do at best, two unsplit frames of half the samples side by side. Seen from outside: from the
call of ``submit`` until the SDK has heard of the commit.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any

from loadtests.budgets import Figure
from loadtests.cases import OUT, SAMPLE, Settings
from loadtests.farm import render_job, running_farm
from loadtests.report import conclude

BENCH = "split"
ROUNDS = 3
SETTINGS: Settings = {
    "resolution_x": 640,
    "resolution_y": 360,
    "percentage": 100,
    "samples": 16,
    "adaptive_sampling": False,
    "denoise": False,
    "format": "exr",
}
"""A frame of some twenty seconds on one thread: where a split is worth asking for."""
FARM = {"RAYFARM_RENDER_SLOTS": "2", "RAYFARM_CLUSTER_MIN_REPLICAS": "2", "RAYFARM_ENGINE_THREADS": "1"}
HALF: Settings = {**SETTINGS, "samples": 8}
SPLITS: Mapping[str, Mapping[str, Any]] = {
    "samples": {"split": {"mode": "samples", "parts": 2}},
    "borders": {"split": {"mode": "borders", "parts": 2}},
}
MODES = ("whole", "ceiling", *SPLITS)


def main() -> int:
    """Print each round and the verdicts; 1 where a goal is missed."""
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    print(f"load of the machine before: {load:.2f} on {os.cpu_count()} cores", flush=True)
    os.environ.update(FARM)
    rounds: dict[str, list[float]] = {mode: [] for mode in MODES}
    with running_farm(OUT) as client:
        model = client.register_model(SAMPLE)
        for mode in ("ceiling", *SPLITS):  # both replicas load the scene, and whatever a merge loads
            render_job(client, model, {**SETTINGS, "samples": 2}, [1, 2], **SPLITS.get(mode, {}))
        for _ in range(ROUNDS):
            for mode in MODES:
                settings, frames = (HALF, [1, 2]) if mode == "ceiling" else (SETTINGS, [1])
                _, seconds = render_job(client, model, settings, frames, **SPLITS.get(mode, {}))
                rounds[mode].append(seconds.whole * len(frames))
            print("  ".join(f"{mode} {took[-1]:6.2f} s" for mode, took in rounds.items()), flush=True)
    figures = [
        Figure(case=mode, name="speed_up", value=median(rounds["whole"]) / median(rounds[mode])) for mode in SPLITS
    ]
    figures += [
        Figure(case=mode, name="of_ceiling", value=median(rounds["ceiling"]) / median(rounds[mode])) for mode in SPLITS
    ]
    best = median(rounds["whole"]) / median(rounds["ceiling"])
    print(f"two frames of half the samples side by side: {best:.2f} times as fast as the whole frame")
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


if __name__ == "__main__":
    sys.exit(main())
