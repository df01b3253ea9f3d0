"""Many users at once: ``python -m loadtests.load --users 50 --minutes 2`` (``make load USERS=50 MINUTES=2``).

A farm of its own with the fake pipeline, Locust with the journeys of ``loadtests/users``, and the yardstick beside
them: a route that does nothing on plain FastAPI and uvicorn, asked in the same run on the same machine. When the users
have gone, every job that they submitted must come to its end.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtests.bench_latency import register_fake
from loadtests.budgets import Figure
from loadtests.cases import OUT, ROOT
from loadtests.farm import own_farm
from loadtests.report import conclude
from loadtests.servers import serving
from rayfarm import Client

BENCH = "load"
USERS, MINUTES = 30, 1.0
_SPAWNED_IN_S = 10
_LAST_JOB_WITHIN_S = 300.0
_ENDED = frozenset({"succeeded", "failed", "canceled"})
_SHOWN = ("submit", "status read", "list of jobs", "first event", "still, submit to picture", "list replicas", "no-op")
"""At least one of each journey."""

Rows = Mapping[str, Mapping[str, str]]
"""Locust's table, by the name of the request."""


def main(arguments: Sequence[str]) -> int:
    """Print Locust's table, the figures and the verdicts; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="loadtests.load", description=__doc__)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    options = parser.parse_args(arguments)
    OUT.mkdir(parents=True, exist_ok=True)
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    with (
        own_farm(OUT) as farm,
        Client(farm.url, farm.key) as client,
        TemporaryDirectory(dir=OUT) as text,
        serving("loadtests.plain", path="/", log=OUT / "load-plain.log", environment={}) as plain,
    ):
        folder = Path(text)
        environment = {
            "RAYFARM_LOAD_KEY": farm.key,
            "RAYFARM_LOAD_MODEL": register_fake(client, folder).id,
            "RAYFARM_LOAD_PLAIN_URL": plain,
        }
        rows = run_locust(
            farm.url, users=options.users, seconds=round(options.minutes * 60), folder=folder, environment=environment
        )
        figures = [*figures_of(rows), *_jobs(client)]
    for figure in figures:
        print(f"  {figure.case:28} {figure.name:22} {figure.value:10.3f}")
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


def run_locust(url: str, *, users: int, seconds: int, folder: Path, environment: Mapping[str, str]) -> Rows:
    """Its table once all users have come and gone."""
    command = [sys.executable, "-m", "locust", "-f", "loadtests/users/locustfile.py", "--headless", "--host", url]
    command += ["--users", str(users), "--spawn-rate", str(max(1.0, users / _SPAWNED_IN_S))]
    command += ["--run-time", f"{seconds}s", "--stop-timeout", "60", "--csv", str(folder / "locust")]
    command += ["--only-summary", "--exit-code-on-error", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment, "PYTHONPATH": str(ROOT)}, check=True)
    failures = (folder / "locust_failures.csv").read_text(encoding="utf-8").strip()
    if failures.count("\n"):
        print(f"\n{failures}")
    with (folder / "locust_stats.csv").open(encoding="utf-8", newline="") as file:
        return {row["Name"]: row for row in csv.DictReader(file)}


def figures_of(rows: Rows) -> Iterator[Figure]:
    """From Locust's table: what failed, the tails, and the farm's reads over the yardstick."""
    everything = rows["Aggregated"]
    requests, failed = int(everything["Request Count"]), int(everything["Failure Count"])
    yield Figure(case="all requests", name="failed", value=float(failed))
    yield Figure(case="all requests", name="per_s", value=float(everything["Requests/s"]))
    yield Figure(case="all requests", name="count", value=float(requests))
    idle = sum(name not in rows or not int(rows[name]["Request Count"]) for name in _SHOWN)
    yield Figure(case="journeys", name="idle", value=float(idle))
    for name in _SHOWN:
        if name in rows and int(rows[name]["Request Count"]):
            for share in ("50%", "95%", "99%"):
                yield Figure(case=name, name=f"p{share.rstrip('%')}_ms", value=float(rows[name][share]))
    if idle:
        return
    noop = max(1.0, float(rows["no-op"]["50%"]))  # Locust counts whole milliseconds
    yield Figure(case="status read", name="status_over_noop", value=float(rows["status read"]["50%"]) / noop)
    yield Figure(case="submit", name="submit_over_noop", value=float(rows["submit"]["50%"]) / noop)


def _jobs(client: Client) -> Iterator[Figure]:
    """Every job that was accepted ends, and well."""
    end = time.monotonic() + _LAST_JOB_WITHIN_S
    while any(job.state not in _ENDED for job in client.jobs()) and time.monotonic() < end:
        time.sleep(0.5)
    jobs = list(client.jobs())
    yield Figure(case="jobs", name="submitted", value=float(len(jobs)))
    yield Figure(case="jobs", name="not_succeeded", value=float(sum(job.state != "succeeded" for job in jobs)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
