"""What Ray Serve adds to a request: ``python -m loadtests.bench_http`` (``make bench-http``).

The farm's API behind Serve in HAProxy mode, and the same app on bare uvicorn beside it, on the same database: the
status read of a job that renders, and a route that does nothing (``/v1/health/live``). Beside them a route that does
nothing on FastAPI as it comes. All five in turn, round by round, one request at a time on one connection; then each
under 32 connections at once. Client and servers share the machine, so the throughput is that of all of them together.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from cluster.local.farm_file import FarmHome
from cluster.local.services import database_of, farm_environment
from cluster.local.settings import LocalFarmSettings
from loadtests.bench_latency import percentile, register_fake
from loadtests.budgets import Figure
from loadtests.cases import OUT
from loadtests.farm import OwnFarm, own_farm
from loadtests.http_load import Target, ask, press
from loadtests.report import conclude
from loadtests.servers import serving
from rayfarm import Client

BENCH = "http"
ROUNDS = 15
REQUESTS = 60
"""In a row, of one target, in one round."""
CONNECTIONS = 32
PRESS_S = 1.0
SERVE, BARE, PLAIN = "farm", "bare uvicorn", "plain FastAPI"
STATUS, NOOP = "status read", "no-op"
_RENDERS_MS = 3_600_000


def main(arguments: Sequence[str]) -> int:
    """Print the ratios and the verdicts; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="loadtests.bench_http", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    OUT.mkdir(parents=True, exist_ok=True)
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    with own_farm(OUT) as farm, _targets(farm) as targets:
        _require_haproxy(farm)
        figures = asyncio.run(measure(targets, rounds=options.rounds))
    for figure in figures:
        print(f"  {figure.case:32} {figure.name:22} {figure.value:9.3f}")
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


@contextmanager
def _targets(farm: OwnFarm) -> Iterator[list[Target]]:
    """With a job that renders as long as the block lasts."""
    home = FarmHome(farm.home)
    settings = LocalFarmSettings(home=farm.home)
    record = home.read()
    assert record is not None
    assert record.ports is not None
    database = database_of(home, settings, port=record.ports.postgres)
    database.start()  # attaches to the one that runs
    environment = farm_environment(home, settings, record, database_url=database.url)
    headers = {"Authorization": f"Bearer {farm.key}"}
    with ExitStack() as stack:
        client = stack.enter_context(Client(farm.url, farm.key))
        model = register_fake(client, Path(stack.enter_context(TemporaryDirectory(dir=OUT))))
        job = client.submit(model, frames="1-100", pipeline="fake", settings={"render_ms": _RENDERS_MS}, name="bench")
        stack.callback(client.cancel, job.id)
        _until_it_renders(client, job.id)
        log = OUT / "http-servers.log"
        bare = stack.enter_context(
            serving("loadtests.noop.api", path="/v1/health/ready", log=log, environment=environment)
        )
        plain = stack.enter_context(serving("loadtests.plain", path="/", log=log, environment={}))
        yield [
            Target(server=server, what=what, url=f"{url}{path}", headers=headers)
            for server, url in ((SERVE, farm.url), (BARE, bare))
            for what, path in ((STATUS, f"/v1/jobs/{job.id}"), (NOOP, "/v1/health/live"))
        ] + [Target(server=PLAIN, what=NOOP, url=f"{plain}/")]


def _until_it_renders(client: Client, job_id: str) -> None:
    for event in client.watch(job_id):
        if event.kind == "chunk.started":
            return
    raise RuntimeError(f"The job of the bench ended: {client.job(job_id).message}")


def _require_haproxy(farm: OwnFarm) -> None:
    port = int(farm.url.rpartition(":")[2])
    listeners = {
        psutil.Process(each.pid).name()
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid
    }
    if listeners != {"haproxy"}:
        raise RuntimeError(f"The farm's port is held by {listeners or 'nobody'}, not by HAProxy.")


async def measure(targets: Sequence[Target], *, rounds: int) -> list[Figure]:
    """All targets in turn, each round beginning with another one."""
    latency: dict[Target, list[float]] = {target: [] for target in targets}
    throughput: dict[Target, list[float]] = {target: [] for target in targets}
    for target in targets:  # connections to the database are opened, code paths are warm
        await press(target, connections=CONNECTIONS, seconds=PRESS_S)
    for number in range(rounds):
        shift = number % len(targets)
        for target in (*targets[shift:], *targets[:shift]):
            latency[target] += await ask(target, requests=REQUESTS)
        for target in (*targets[shift:], *targets[:shift]):
            throughput[target].append(await press(target, connections=CONNECTIONS, seconds=PRESS_S))
    return list(_figures(latency, throughput))


def _figures(latency: dict[Target, list[float]], throughput: dict[Target, list[float]]) -> Iterator[Figure]:
    p50 = {(target.server, target.what): percentile(values, 0.5) for target, values in latency.items()}
    rates = {(target.server, target.what): median(values) for target, values in throughput.items()}
    for target, values in latency.items():
        case = f"{target.server}, {target.what}"
        yield Figure(case=case, name="p50_ms", value=p50[target.server, target.what])
        yield Figure(case=case, name="p99_ms", value=percentile(values, 0.99))
        yield Figure(case=case, name=f"per_s_at_{CONNECTIONS}", value=rates[target.server, target.what])
    for what, name in ((STATUS, "status"), (NOOP, "noop")):
        yield Figure(case=what, name=f"{name}_p50_over_bare", value=p50[SERVE, what] / p50[BARE, what])
        yield Figure(case=what, name=f"{name}_rate_of_bare", value=rates[SERVE, what] / rates[BARE, what])
    yield Figure(case=NOOP, name="noop_p50_over_plain", value=p50[SERVE, NOOP] / p50[PLAIN, NOOP])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
