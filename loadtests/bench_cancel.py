"""How soon a cancel is felt: ``python -m loadtests.bench_cancel`` (part of ``make bench``).

Each round cancels, through the REST API, a job in the middle of a long frame, and watches the engine's process from
outside; then it asks for a small frame, which the freed replica must render.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

import psutil

from loadtests.budgets import Figure, judge, read_goals
from loadtests.cases import CASES, OUT, ROOT, SAMPLE
from loadtests.farm import render_job, running_farm
from loadtests.report import verdict_lines, write_json
from rayfarm import Client
from rayfarm.types import Model

BENCH = "cancel"
ROUNDS = 7
IN_MID_FRAME_S = 2.0
"""Between the first sign of the frame and the cancel."""
_LONG = {"samples": 4096, "denoise": False}
"""Minutes of rendering on two cores."""
_TINY = CASES[0].settings


def main() -> int:
    """Print each round and the verdicts; 1 where a goal is missed."""
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    rounds: list[tuple[float, float]] = []
    with running_farm(OUT) as client:
        model = client.register_model(SAMPLE)
        for _ in range(ROUNDS):
            rounds.append(run_round(client, model))
            print("engine gone after {:6.1f} ms; next frame committed after {:5.2f} s".format(*rounds[-1]), flush=True)
    figures = [
        Figure(case="long frame", name="engine_gone_ms", value=max(gone for gone, _ in rounds)),
        Figure(case="long frame", name="next_frame_s", value=median(after for _, after in rounds)),
    ]
    verdicts = judge(read_goals(BENCH), figures)
    print("\n".join(verdict_lines(verdicts, [])))
    path = write_json(
        OUT, bench=BENCH, at=at, seconds=time.perf_counter() - begun, load=(load, os.getloadavg()[0]),
        results=[], verdicts=verdicts, missing=[],
    )  # fmt: skip
    print(path.relative_to(ROOT))
    return 0 if all(verdict.held for verdict in verdicts) else 1


def run_round(client: Client, model: Model) -> tuple[float, float]:
    """Milliseconds until the engine is gone, and seconds from the cancel until the next job's frame is there."""
    job = client.submit(
        model,
        frames="1",
        settings=_LONG,
        name="to be canceled",
        outputs={"video": None, "previews": False},
        reuse=False,
    )
    for event in client.watch(job):
        if event.kind == "chunk.started":
            break
    time.sleep(IN_MID_FRAME_S)
    engine = busiest_engine()
    begun = time.perf_counter()
    client.cancel(job.id)
    gone = None
    while gone is None:
        if not is_running(engine):
            gone = (time.perf_counter() - begun) * 1000
        time.sleep(0.002)
    render_job(client, model, _TINY, [1])
    return gone, time.perf_counter() - begun


def busiest_engine(seconds: float = 0.5) -> psutil.Process:
    """The engine process that used the most CPU in a short while."""
    engines = [process for process in psutil.process_iter() if "pipelines.worker" in _command(process)]
    before = {process: sum(process.cpu_times()[:2]) for process in engines}
    time.sleep(seconds)
    return max(engines, key=lambda process: sum(process.cpu_times()[:2]) - before[process])


def is_running(process: psutil.Process) -> bool:
    """Whether it still computes; one that waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> Sequence[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return ()


if __name__ == "__main__":
    sys.exit(main())
