"""The migrations, the tables and the vocabulary of the domain say the same."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from db.embedded import EmbeddedPostgres
from db.migrate import newest_revision, upgrade
from db.settings import DatabaseSettings
from db.tables import METADATA
from jobs.states import EndReason, FrameState, JobState, WorkKind, WorkState
from tests.db.builders import Farm

VERSIONS = Path(__file__).resolve().parents[2] / "db" / "migrations" / "versions"


class TestMigrations:
    def test_they_build_what_the_tables_declare(self, settings: DatabaseSettings) -> None:
        engine = create_engine(settings.sqlalchemy_url)
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={"compare_type": True, "include_object": lambda _, __, kind, *___: kind != "index"},
            )
            assert compare_metadata(context, METADATA) == []
        engine.dispose()

    def test_many_processes_may_migrate_at_once(self, postgres: EmbeddedPostgres) -> None:
        name = f"fresh_{uuid4().hex}"
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f'create database "{name}"'.encode())
        url = postgres.url_for(name)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(upgrade, [url] * 4))
        with psycopg.connect(url) as connection:
            assert connection.execute("select version_num from alembic_version").fetchall() == [(newest_revision(),)]

    def test_a_key_of_before_roles_keeps_all_that_it_could_do(self, postgres: EmbeddedPostgres) -> None:
        name = f"older_{uuid4().hex}"
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f'create database "{name}"'.encode())
        url = postgres.url_for(name)
        with psycopg.connect(url, autocommit=True) as connection:
            for older in sorted(VERSIONS.glob("000[123]_*.sql")):
                connection.execute(older.read_bytes())
            connection.execute("create table alembic_version (version_num varchar(32) primary key)")
            connection.execute("insert into alembic_version values ('0003')")
            project = uuid4()
            connection.execute("insert into project (id, slug, name) values (%s, 'film', 'Film')", [project])
            for prefix, owner, scope in (("artist00", project, "member"), ("bootstra", None, "admin")):
                connection.execute(
                    "insert into api_key (id, project_id, name, prefix, secret_hash, scopes)"
                    " values (%s, %s, 'k', %s, %s, %s)",
                    [uuid4(), owner, prefix, bytes(32), [scope]],
                )
        upgrade(url)
        with psycopg.connect(url) as connection:
            found = connection.execute("select prefix, role, scopes from api_key order by prefix").fetchall()
        assert found == [("artist00", "manager", []), ("bootstra", "admin", [])]


class TestVocabulary:
    @pytest.mark.parametrize(
        ("table", "column", "words"),
        [
            ("job", "state", JobState),
            ("job", "end_reason", EndReason),
            ("work", "kind", WorkKind),
            ("work", "state", WorkState),
            ("frame_result", "end_reason", EndReason),
            ("attempt", "outcome", EndReason),
        ],
    )
    def test_a_check_lists_exactly_the_words_of_the_domain(
        self, settings: DatabaseSettings, table: str, column: str, words: type[StrEnum]
    ) -> None:
        assert _words_of_check(settings, table, column) == {str(word) for word in words}

    def test_a_result_has_exactly_the_terminal_states_of_a_frame(self, settings: DatabaseSettings) -> None:
        terminal = {str(state) for state in FrameState if state.is_terminal}
        assert _words_of_check(settings, "frame_result", "state") == terminal


class TestInvariants:
    @pytest.mark.parametrize(
        "change",
        [
            "update job set committed = 11",
            "update job set state = 'succeeded', ended_at = now(), end_reason = 'ok'",
            "update job set state = 'canceled', canceled = 10, ended_at = now()",
            "update job set ended_at = now()",
            "update work set state = 'leased'",
            "update work set state = 'leased', replica_id = gen_random_uuid()",
            "update work set replica_id = gen_random_uuid()",
            "update work set state = 'done', assigned_to = gen_random_uuid()",
            "update work set kind = 'chunk'",
            "update work set kind = 'chunk', ordinals = '{}'",
        ],
    )
    async def test_the_database_refuses_what_must_never_be(self, farm: Farm, change: str) -> None:
        await farm.submit()
        with pytest.raises(IntegrityError):
            await farm.execute(change)


def _words_of_check(settings: DatabaseSettings, table: str, column: str) -> set[str]:
    engine = create_engine(settings.sqlalchemy_url)
    query = "select pg_get_constraintdef(oid) from pg_constraint where conname = :name"
    with engine.connect() as connection:
        definition = connection.execute(text(query), {"name": f"{table}_{column}_check"}).scalar_one()
    engine.dispose()
    return set(re.findall(r"'([a-z_]+)'::text", definition))
