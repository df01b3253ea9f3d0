"""A farm of any size in a real database, written by a few statements: what the planner's benches look at."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text

from db.embedded import EmbeddedPostgres
from db.migrate import upgrade
from db.session import Database
from db.settings import DatabaseSettings

CLUSTER = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is in the database."""

    replicas: int
    nodes: int
    jobs: int
    projects: int
    models: int
    frames: int = 250
    full: bool = True
    """Each replica renders a chunk and has one staged; False: all of them idle."""
    free: int = 0
    """Replicas that just became idle, where the others are full."""


@contextmanager
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of its own, with the settings of a farm's, in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="rayfarm-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server runs as another user where the bench runs as root
        server = EmbeddedPostgres(root=Path(folder) / "postgres")
        server.start()
        try:
            yield server
        finally:
            server.stop()


@asynccontextmanager
async def database(server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """Migrated and empty of jobs, whatever was there before."""
    upgrade(server.url)
    db = Database(DatabaseSettings(url=SecretStr(server.url)))
    try:
        yield db
    finally:
        await db.close()


async def build(db: Database, world: World) -> None:
    """Replace all rows by those of ``world``."""
    values = {
        "cluster": CLUSTER,
        "replicas": world.replicas,
        "nodes": world.nodes,
        "jobs": world.jobs,
        "projects": world.projects,
        "models": world.models,
        "frames": world.frames,
        "busy": world.replicas - world.free if world.full else 0,
    }
    async with db.transaction() as tx:
        for command in _COMMANDS:
            await tx.execute(text(command), {name: value for name, value in values.items() if f":{name}" in command})
    async with db.transaction() as tx:
        await tx.execute(text("analyze"))


_COMMANDS = (
    "truncate project, model, job, work, replica, pool, leader, event, project_blob, licence, job_block, node cascade",
    """
    insert into project (id, slug, name, charged_s)
    select md5('project' || n)::uuid, 'project-' || n, 'Project ' || n, n * 1000 from generate_series(1, :projects) n
    """,
    """
    insert into model (id, project_id, name, kind, digest, manifest, state)
    select md5('model' || n)::uuid, md5('project' || 1 + n % :projects)::uuid, 'scene ' || n, 'fake',
           md5('a' || n) || md5('b' || n), '{}', 'ready'
    from generate_series(0, :models - 1) n
    """,
    # a job belongs to the project of its model; one in a hundred is an interactive still that waits
    """
    insert into job (id, project_id, model_id, name, spec, state, priority_rank, weight, total, committed, render_count,
                     render_ms_sum, engine_version, device_class, render_key, created_at, started_at)
    select md5('job' || n)::uuid, md5('project' || 1 + (n % :models) % :projects)::uuid,
           md5('model' || n % :models)::uuid, 'shot ' || n,
           jsonb_build_object(
               'name', 'shot ' || n, 'model', md5('model' || n % :models), 'pipeline', 'fake', 'frames', '1-250',
               'settings', '{"resolution_x": 1920, "resolution_y": 1080, "samples": 256}'::jsonb, 'order', 'scout',
               'priority', 'normal', 'outputs', '{"video": null, "previews": true}'::jsonb, 'reuse', true,
               'limits', '{"tries": 3, "frame_timeout_s": 14400, "load_timeout_s": 1800}'::jsonb,
               'labels', case when n % 10 = 0 then '{"gpu": "big"}' else '{}' end::jsonb, 'licences', '{}'::jsonb,
               'split', '{"mode": "none", "parts": 1}'::jsonb, 'depends_on', '[]'::jsonb, 'weight', 100),
           'running', case when n % 100 = 5 then 0 when n % 10 = 6 then 2 else 1 end, 100,
           case when n % 100 = 5 then 5 + 2 * :busy / :jobs + 2 else :frames end, 5, 5,
           5000.0 * exp(2.5 + sin(n)), 'fake 1', 'cpu', md5('key' || n), now() - n * interval '1 second', now()
    from generate_series(0, :jobs - 1) n
    """,
    """
    insert into work (job_id, kind, first, count, priority_rank)
    select id, 'range', 5, total - 5, priority_rank from job order by created_at
    """,
    """
    insert into replica (id, cluster_id, pool, node, serve_id, labels, engines, device_class, state, residents)
    select md5('replica' || n)::uuid, :cluster, 'default', 'node-' || n % :nodes, 's' || n,
           case when n % 8 = 0 then '{"gpu": "big"}' else '{"gpu": "small"}' end::jsonb, '{"fake": "fake 1"}', 'cpu',
           'up', case when n < :busy then jsonb_build_array(
               jsonb_build_object('digest', md5('a' || n % :models) || md5('b' || n % :models), 'bytes', n,
                                  'project_id', md5('project' || 1 + (n % :models) % :projects)::uuid),
               jsonb_build_object('digest', md5('a' || n * 7 % :models) || md5('b' || n * 7 % :models), 'bytes', n,
                                  'project_id', md5('project' || 1 + (n % :models) % :projects)::uuid))
               else '[]' end
    from generate_series(0, :replicas - 1) n
    """,
    """
    insert into work (job_id, kind, ordinals, count, state, replica_id, assigned_to, leased_until, fence, priority_rank)
    select md5('job' || n % :jobs)::uuid, 'chunk', array[n / :jobs + 1], 1,
           case when n < :busy then 'rendering' else 'queued' end,
           case when n < :busy then md5('replica' || n)::uuid end,
           case when n >= :busy then md5('replica' || n - :busy)::uuid end,
           case when n < :busy then now() + interval '1 hour' end, 1, 1
    from generate_series(0, 2 * :busy - 1) n
    """,
    "insert into pool (cluster_id, name, desired) values (:cluster, 'default', :replicas)",
)
