"""The peer: procrastinate, the job queue that a Postgres user would pick; ``python -m`` this file is a worker.

One job a frame, as its users write it. In the form ``rows`` each job also writes durably what the farm keeps of a
frame (result, artifact, event), in one statement of one transaction; its counterpart of our attempt is its own job row.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from dataclasses import dataclass
from uuid import uuid4

import procrastinate
import psycopg
from procrastinate.types import JSONValue
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

FORMS = ("bare", "rows")
_DEFERRED_AT_ONCE = 1000
_LOOK_EVERY_S = 0.02

_TABLES = """
create table if not exists frame_result (
    job_id uuid not null, ordinal integer not null, generation integer not null, frame integer not null,
    state text not null, end_reason text not null, attempt_id uuid, replica_id uuid, render_ms double precision,
    warm boolean, at timestamptz not null default now(), primary key (job_id, ordinal, generation)
);
create table if not exists artifact (
    id uuid primary key, project_id uuid not null, job_id uuid not null, ordinal integer, generation integer not null,
    kind text not null, name text not null, storage_key text not null, size_bytes bigint not null,
    sha256 text not null, media_type text not null, width integer, height integer,
    created_at timestamptz not null default now()
);
create index if not exists artifact_by_frame on artifact (job_id, ordinal);
create table if not exists event (
    id bigserial primary key, project_id uuid not null, job_id uuid not null, kind text not null, data jsonb not null,
    at timestamptz not null default now()
);
create index if not exists event_by_job on event (job_id, id);
"""
_WRITE = """
with result as (
    insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id, replica_id, render_ms,
                              warm)
    values (%(job)s, %(ordinal)s, 1, %(ordinal)s + 1, 'committed', 'ok', %(attempt)s, %(replica)s, 0, true)
), file as (
    insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes, sha256,
                          media_type, width, height)
    values (%(id)s, %(project)s, %(job)s, %(ordinal)s, 1, 'frame', %(name)s, %(key)s, 1000, %(sha256)s, 'image/png',
            16, 9)
)
insert into event (project_id, job_id, kind, data) values (%(project)s, %(job)s, 'frames.committed', %(data)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRun:
    """One batch of jobs through the peer."""

    form: str
    jobs: int
    deferred_s: float
    """To write the jobs down, a thousand in a statement."""
    seconds: float
    """From before that until all have succeeded."""

    @property
    def per_second(self) -> float:
        return self.jobs / self.seconds


def build_app(url: str, pool: AsyncConnectionPool | None = None) -> procrastinate.App:
    """Its two tasks; ``pool``: where the form ``rows`` writes."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    replica = uuid4()

    @app.task(name="bare", queue="bare")
    async def bare(ordinal: int, job: str) -> None:
        return

    @app.task(name="rows", queue="rows")
    async def rows(ordinal: int, job: str) -> None:
        assert pool is not None
        attempt, file_id, name = uuid4(), uuid4(), f"frame_{ordinal + 1:04d}.png"
        told = {"frames": [{"ordinal": ordinal, "frame": ordinal + 1, "artifact": str(file_id), "render_ms": 0.0,
                            "warm": True, "replica": str(replica)}]}  # fmt: skip
        parameters = {
            "job": job, "ordinal": ordinal, "attempt": attempt, "replica": replica, "id": file_id, "project": job,
            "name": name, "key": f"artifacts/{job}/{ordinal}/{attempt}/{name}", "sha256": "0" * 64, "data": Jsonb(told),
        }  # fmt: skip
        async with pool.connection() as connection:
            await connection.execute(_WRITE, parameters)

    return app


def prepare(url: str) -> None:
    """Its schema and ours, in a database of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TABLES)

    async def apply() -> None:
        app = build_app(url)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()

    asyncio.run(apply())


def run_jobs(url: str, form: str, count: int) -> PeerRun:
    """Defer ``count`` jobs and wait until the workers have done them all; raises where a row is missing."""
    return asyncio.run(_run_jobs(url, form, count))


async def _run_jobs(url: str, form: str, count: int) -> PeerRun:
    app, job = build_app(url), str(uuid4())
    begun = time.perf_counter()
    async with app.open_async(), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for first in range(0, count, _DEFERRED_AT_ONCE):
            arguments: list[dict[str, JSONValue]] = [
                {"ordinal": n, "job": job} for n in range(first, min(first + _DEFERRED_AT_ONCE, count))
            ]
            await app.tasks[form].batch_defer_async(*arguments)
        deferred = time.perf_counter() - begun
        open_jobs = "select count(*) from procrastinate_jobs where status in ('todo', 'doing')"
        while (await (await connection.execute(open_jobs)).fetchone()) != (0,):  # noqa: ASYNC110 - another process
            await asyncio.sleep(_LOOK_EVERY_S)
        seconds = time.perf_counter() - begun
        if form == "rows":
            written = "select (select count(*) from frame_result where job_id = %(job)s)," \
                      " (select count(*) from artifact where job_id = %(job)s)," \
                      " (select count(*) from event where job_id = %(job)s)"  # fmt: skip
            found = await (await connection.execute(written, {"job": job})).fetchone()
            if found != (count,) * 3:
                raise RuntimeError(f"Of {count} jobs the peer wrote {found} rows.")
    return PeerRun(form=form, jobs=count, deferred_s=deferred, seconds=seconds)


async def work(url: str, concurrency: int) -> None:
    """A worker until SIGTERM."""
    async with AsyncConnectionPool(url, min_size=concurrency, max_size=concurrency, open=False) as pool:
        app = build_app(url, pool)
        async with app.open_async():
            await app.run_worker_async(concurrency=concurrency, install_signal_handlers=True)


def main() -> None:
    """Reads its database from RAYFARM_BENCH_PEER_URL, so that no password stands on a command line."""
    parser = argparse.ArgumentParser(prog="loadtests.noop.peer", description=__doc__)
    parser.add_argument("--concurrency", type=int, default=8, help="jobs that one worker runs at once")
    asyncio.run(work(os.environ["RAYFARM_BENCH_PEER_URL"], parser.parse_args().concurrency))


if __name__ == "__main__":
    main()
