"""No-op frames per second, end to end: ``python -m loadtests.bench_dispatch`` (``make bench-dispatch``).

Planned and carved by the real dispatcher, claimed, started and committed by the real replica's code with artifact row
and event, each in a process of its own, on the embedded PostgreSQL with fsync on. In the same run, in turn with it,
procrastinate does as many no-op jobs, bare and writing the same rows, with as many worker processes.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg

from db.embedded import EmbeddedPostgres, PostgresTuning
from loadtests.budgets import Figure
from loadtests.cases import OUT
from loadtests.noop import peer
from loadtests.noop.farm import JobRun, NoOpFarm, noop_farm
from loadtests.noop.peer import PeerRun
from loadtests.noop.processes import running
from loadtests.report import conclude

BENCH = "dispatch"
REPLICAS = (2, 8)
SIZES = (1_000, 100_000)
MILLION = 1_000_000
ROUNDS = 3
PEER_JOBS = 2_000
"""Jobs of one round of the peer in each form: some seconds."""
_SCATTERED_FRAMES = 9_000
"""Lone frames, near the longest text that a range may have."""


def main(arguments: Sequence[str]) -> int:
    """Print each round and the verdicts; 1 where a goal is missed."""
    options = _options(arguments)
    OUT.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it started ends with it
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    print(f"load of the machine before: {load:.2f} on {os.cpu_count()} cores", flush=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="dispatch-", dir=OUT, ignore_cleanup_errors=True) as text:
        folder = Path(text)
        folder.chmod(0o755)  # the server runs as another user where the bench runs as root
        # eight workers of the peer open some ten connections each
        server = EmbeddedPostgres(root=folder / "postgres", tuning=PostgresTuning(max_connections=200))
        server.start()
        try:
            for replicas in options.replicas:
                figures += _run_case(server, folder, replicas, options)
        finally:
            server.stop()
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


def _run_case(server: EmbeddedPostgres, folder: Path, replicas: int, options: argparse.Namespace) -> list[Figure]:
    """All sizes with so many replicas, and the peer with as many workers between them."""
    case = f"{replicas} replicas"
    print(f"\n{case}", flush=True)
    ours: dict[int, list[JobRun]] = {}
    theirs: dict[str, list[PeerRun]] = {form: [] for form in peer.FORMS}
    url, peer_url = _database(server, f"farm_{replicas}"), _database(server, f"peer_{replicas}")
    peer.prepare(peer_url)
    with noop_farm(database_url=url, replicas=replicas, folder=folder) as farm:
        farm.run_job("1-500")  # imports and prepared statements
        for number in range(options.rounds):
            for frames in options.sizes:
                if number == 0 or frames < MILLION:
                    ours.setdefault(frames, []).append(_shown(farm.run_job(f"1-{frames}")))
                if frames >= MILLION:
                    continue
                for form in peer.FORMS:
                    theirs[form].append(_peer_round(peer_url, form, replicas, folder, options.peer_jobs))
        scattered = _scattered(farm)
    return _figures(case, ours, theirs, scattered)


def _peer_round(url: str, form: str, workers: int, folder: Path, count: int) -> PeerRun:
    """Its workers live for the round alone: two cores are shared, and an idle worker polls."""
    log = folder / f"peer-{workers}.log"
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(running("loadtests.noop.peer", log=log, environment={"RAYFARM_BENCH_PEER_URL": url}))
        peer.run_jobs(url, form, workers * 10)  # imports
        run = peer.run_jobs(url, form, count)
    print(f"  procrastinate, {form:4}   {run.jobs:9,} jobs     {run.per_second:8.0f} /s", flush=True)
    return run


def _scattered(farm: NoOpFarm) -> JobRun:
    """The range with the longest text; the farm's own rows take no more for it."""
    return _shown(farm.run_job(",".join(str(frame) for frame in range(1, 2 * _SCATTERED_FRAMES, 2))))


def _shown(run: JobRun) -> JobRun:
    print(
        f"  Rayfarm               {run.frames:9,} frames   {run.per_second:8.0f} /s   accepted in "
        f"{run.accepted_s * 1000:5.1f} ms   {run.frames / run.commits:5.1f} frames a commit   "
        f"dispatcher {run.dispatcher_bytes / 2**20:.0f} MiB",
        flush=True,
    )
    return run


def _figures(
    case: str, ours: dict[int, list[JobRun]], theirs: dict[str, list[PeerRun]], scattered: JobRun
) -> list[Figure]:
    found = [
        Figure(case=f"{case}, {frames:,}", name="frames_per_s", value=median(run.per_second for run in runs))
        for frames, runs in ours.items()
        if frames >= SIZES[-1]
    ]
    found += [
        Figure(case=f"{case}, {frames:,}", name="small_job_frames_per_s", value=median(run.per_second for run in runs))
        for frames, runs in ours.items()
        if frames < SIZES[-1]
    ]
    found.append(Figure(case=f"{case}, scattered", name="scattered_frames_per_s", value=scattered.per_second))
    for form, runs in theirs.items():
        found.append(Figure(case=case, name=f"peer_{form}_per_s", value=median(run.per_second for run in runs)))
    middle = {figure.name: figure.value for figure in found}
    largest = max(ours)
    most = median(run.per_second for run in ours[largest])
    found.append(Figure(case=case, name="over_peer_rows", value=most / middle["peer_rows_per_s"]))
    found.append(Figure(case=case, name="over_peer_bare", value=most / middle["peer_bare_per_s"]))
    of_ours = [run for several in ours.values() for run in several]
    found.append(Figure(case=case, name="accepted_ms", value=max(run.accepted_s for run in of_ours) * 1000))
    growth = max(run.dispatcher_bytes for run in of_ours) - min(run.dispatcher_bytes for run in of_ours)
    found.append(Figure(case=case, name="dispatcher_growth_mib", value=growth / 2**20))
    if MILLION in ours:
        known = [median(run.per_second for run in ours[frames]) for frames in (SIZES[-1], MILLION)]
        found.append(Figure(case=case, name="million_cost_ratio", value=known[0] / known[1]))
    return found


def _database(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'create database "{name}"'.encode())
    return server.url_for(name)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loadtests.bench_dispatch", description=__doc__)
    parser.add_argument("--million", action="store_true", help="also one job of a million frames; some minutes")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--replicas", type=int, nargs="+", default=REPLICAS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--peer-jobs", type=int, default=PEER_JOBS)
    options = parser.parse_args(arguments)
    if options.million:
        options.sizes = [*options.sizes, MILLION]
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
