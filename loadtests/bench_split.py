"""One frame over two replicas of one thread each: ``python -m loadtests.bench_split`` (part of ``make bench``).

In turn: the frame whole, on one of two replicas that both hold the scene, and the same frame in two parts with their
merge. Seen from outside: from the call of ``submit`` until the SDK has heard of the commit.
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
from loadtests.cases import OUT, SAMPLE
from loadtests.farm import render_job, running_farm
from loadtests.report import conclude

BENCH = "split"
ROUNDS = 3
SETTINGS = {"resolution_x": 640, "resolution_y": 360, "percentage": 100, "samples": 16, "adaptive_sampling": False,
            "denoise": False, "format": "exr"}  # fmt: skip
"""A frame of some twenty seconds on one thread: where a split is worth asking for."""
FARM = {"RAYFARM_RENDER_SLOTS": "2", "RAYFARM_CLUSTER_MIN_REPLICAS": "2", "RAYFARM_ENGINE_THREADS": "1"}
MODES: Mapping[str, Mapping[str, Any]] = {
    "whole": {},
    "samples": {"split": {"mode": "samples", "parts": 2}},
    "borders": {"split": {"mode": "borders", "parts": 2}},
}


def main() -> int:
    """Print each round and the verdicts; 1 where a goal is missed."""
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    print(f"load of the machine before: {load:.2f} on {os.cpu_count()} cores", flush=True)
    os.environ.update(FARM)
    rounds: dict[str, list[float]] = {mode: [] for mode in MODES}
    with running_farm(OUT) as client:
        model = client.register_model(SAMPLE)
        for fields in MODES.values():  # both replicas load the scene, and whatever a merge loads
            render_job(client, model, {**SETTINGS, "samples": 2}, [1, 2], **fields)
        for _ in range(ROUNDS):
            for mode, fields in MODES.items():
                _, seconds = render_job(client, model, SETTINGS, [1], **fields)
                rounds[mode].append(seconds.whole)
            print("  ".join(f"{mode} {took[-1]:6.2f} s" for mode, took in rounds.items()), flush=True)
    figures = [
        Figure(case=mode, name="speed_up", value=median(rounds["whole"]) / median(took))
        for mode, took in rounds.items()
        if mode != "whole"
    ]
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


if __name__ == "__main__":
    sys.exit(main())
