"""``db/roles.sql``: the farm works as a role that owns nothing, on a server whose master is no superuser (RDS)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from db import _query
from db._query import statement
from db.audit import ActorKind, AuditActor, AuditChange, append_audit, seal_entries
from db.embedded import ROLE, EmbeddedPostgres
from db.migrate import upgrade
from db.session import Database
from db.settings import DatabaseSettings
from jobs.errors import InvalidSettings
from tests.db.builders import Farm

ROLES = (Path(_query.__file__).parent / "roles.sql").read_text()
MASTER, OWNER, WORKER = "roles_master", "roles_owner", "roles_worker"
"""The embedded server's superuser has the name of the farm's role already, so the file speaks of others here."""

pytestmark = pytest.mark.timeout(300)


def with_places(text: str) -> str:
    """``$1`` for the first name, as PostgreSQL numbers what a value will come to."""
    named = list(dict.fromkeys(re.findall(r"(?<!:):(\w+)", text)))
    return re.sub(r"(?<!:):(\w+)", lambda found: f"${named.index(found[1]) + 1}", text)


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres) -> Iterator[Callable[[str], str]]:
    """The address of a migrated database, by the role that logs in."""
    name, password = f"roles_{uuid4().hex[:8]}", uuid4().hex
    with psycopg.connect(postgres.url, autocommit=True) as root:
        root.execute(f"create role {MASTER} login createrole createdb password '{password}'".encode())
        root.execute(f"grant pg_read_all_stats to {MASTER} with admin option".encode())  # as rds_superuser has it
        root.execute(f'create database "{name}" owner {MASTER}'.encode())

        def url(role: str) -> str:
            return re.sub(rf"//{ROLE}:[^@]*@", f"//{role}:{password}@", postgres.url_for(name))

        made = re.sub(r"\brayfarm\b", WORKER, ROLES.replace("rayfarm_owner", OWNER))
        with psycopg.connect(url(MASTER), autocommit=True) as master:
            for _ in range(2):
                master.execute(made.encode())
        for role in (OWNER, WORKER):
            root.execute(f"alter role {role} password '{password}'".encode())
        upgrade(url(OWNER))
        yield url
        root.execute(f'drop database "{name}" with (force)'.encode())
        root.execute(f"drop role {WORKER}, {OWNER}, {MASTER}".encode())


@pytest.fixture
async def farm(server: Callable[[str], str]) -> AsyncIterator[Farm]:
    database = Database(DatabaseSettings(url=SecretStr(server(WORKER))))
    made = await Farm.create(database)
    await made.execute("delete from leader")  # of the test before
    yield made
    await database.close()


async def test_a_job_goes_through_the_queue(farm: Farm) -> None:
    job_id = await farm.start(frames="1-3")
    replica_id = await farm.replica()
    chunk = await farm.rendering(job_id, replica_id, frames=3)
    assert await farm.commit(chunk, replica_id=replica_id) == [0, 1, 2]
    await farm.assert_whole(job_id)
    assert (await farm.job(job_id)).committed == 3


def test_every_statement_of_the_farm_is_allowed(server: Callable[[str], str]) -> None:
    """PostgreSQL looks at the rights where it begins a statement, and EXPLAIN begins it without running it."""
    refused, seen = [], 0
    names = sorted(path.stem for path in (Path(_query.__file__).parent / "queries").glob("*.sql"))
    with psycopg.connect(server(WORKER), autocommit=True) as connection:
        for name in names:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(f"explain (generic_plan) {with_places(str(statement(name)))}".encode())
                seen += 1
            except errors.InsufficientPrivilege as error:
                refused.append(f"{name}: {error}")
            except psycopg.Error:  # what is no query, or a place whose type only a value tells
                continue
    assert refused == []
    assert seen > len(names) * 0.9, (seen, len(names))


def test_every_table_and_sequence_is_open_to_it(server: Callable[[str], str]) -> None:
    query = """
        select relname from pg_class where relnamespace = 'public'::regnamespace and (
            relkind in ('r', 'p', 'v') and not has_table_privilege(oid, 'select, insert, update, delete')
            or relkind = 'S' and not has_sequence_privilege(oid, 'usage'))
    """
    with psycopg.connect(server(WORKER), autocommit=True) as connection:
        assert connection.execute(query).fetchall() == []


@pytest.mark.parametrize(
    "command",
    [
        "create table public.mine (id int)",
        "drop table job",
        "alter table job add column mine int",
        "truncate event",
        "alter table audit_entry disable trigger all",
        "drop trigger audit_entry_no_update on audit_entry",
        "set session_replication_role = replica",
        "create or replace function audit_refuse() returns trigger language plpgsql as $$ begin return new; end $$",
        f"set role {OWNER}",
        f"set role {MASTER}",
    ],
)
def test_what_would_change_a_table_or_a_guard_is_refused(server: Callable[[str], str], command: str) -> None:
    with (
        psycopg.connect(server(WORKER), autocommit=True) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(command.encode())


def test_a_role_without_rights_is_told_whose_rights_a_migration_needs(postgres: EmbeddedPostgres) -> None:
    name, password = f"roles_{uuid4().hex[:8]}", uuid4().hex
    with psycopg.connect(postgres.url, autocommit=True) as root:
        root.execute(f"create role {name} login password '{password}'".encode())
        root.execute(f'create database "{name}"'.encode())
        root.execute(f'revoke create on database "{name}" from public'.encode())
        try:
            with pytest.raises(InvalidSettings, match=r"permission denied.*rayfarm_owner"):
                upgrade(re.sub(rf"//{ROLE}:[^@]*@", f"//{name}:{password}@", postgres.url_for(name)))
        finally:
            root.execute(f'drop database "{name}" with (force)'.encode())
            root.execute(f"drop role {name}".encode())


def test_it_sees_what_every_session_does_and_ends_its_own_alone(server: Callable[[str], str]) -> None:
    """A runbook asks who holds the rows; an owner's session, perhaps a migration, is the owner's to end."""
    seen = "select query, application_name from pg_stat_activity where pid = %s"
    with (
        psycopg.connect(server(WORKER), autocommit=True) as worker,
        psycopg.connect(server(WORKER), autocommit=True) as forgotten,
        psycopg.connect(server(OWNER), autocommit=True, application_name="migration") as owner,
    ):
        owner.execute("select 'a migration'")
        pid = owner.info.backend_pid
        assert worker.execute(seen, (pid,)).fetchone() == ("select 'a migration'", "migration")
        for ends in ("pg_terminate_backend", "pg_cancel_backend"):
            with pytest.raises(errors.InsufficientPrivilege):
                worker.execute(f"select {ends}(%s)".encode(), (pid,))
        assert worker.execute("select pg_terminate_backend(%s)", (forgotten.info.backend_pid,)).fetchone() == (True,)
        owner.execute("vacuum (analyze) work")


def test_a_master_that_may_not_grant_it_makes_the_roles_all_the_same(postgres: EmbeddedPostgres) -> None:
    name, password, said = f"roles_{uuid4().hex[:8]}", uuid4().hex, []
    master = f"{name}_master"
    made = re.sub(r"\brayfarm\b", f"{name}_worker", ROLES.replace("rayfarm_owner", f"{name}_owner"))
    with psycopg.connect(postgres.url, autocommit=True) as root:
        root.execute(f"create role {master} login createrole password '{password}'".encode())
        root.execute(f'create database "{name}" owner {master}'.encode())
        url = re.sub(rf"//{ROLE}:[^@]*@", f"//{master}:{password}@", postgres.url_for(name))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
            connection.execute(made.encode())
        root.execute(f'drop database "{name}" with (force)'.encode())
        root.execute(f"drop role {name}_worker, {name}_owner, {master}".encode())
    assert [each for each in said if "will not see the sessions" in each]


async def test_the_audit_log_is_written_and_sealed_and_not_changed(farm: Farm) -> None:
    change = AuditChange(action="key.create", resource_type="key", resource_id="k")
    async with farm.db.transaction() as tx:
        await append_audit(tx, actor=AuditActor(kind=ActorKind.FARM), change=change)
    assert (await seal_entries(farm.db, limit=100, epoch=await farm.lead())).count == 1
    for command in ("update audit_entry set action = 'x'", "delete from audit_entry"):
        with pytest.raises(DBAPIError, match="append-only"):
            await farm.execute(command)


def test_a_job_is_found_by_a_part_of_its_name_by_an_index(server: Callable[[str], str]) -> None:
    with psycopg.connect(server(WORKER), autocommit=True) as connection:
        assert connection.execute("select 1 from pg_class where relname = 'job_name_parts'").fetchone() == (1,)
