"""A real PostgreSQL per session; every test gets an empty database of the migrated schema, and has it for itself."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from db.embedded import EmbeddedPostgres, PostgresTuning
from db.migrate import upgrade
from db.session import Database
from db.settings import DatabaseSettings
from tests.db.builders import Farm
from tests.emptied import empty


class _NoDisk(PostgresTuning):
    """What these tests prove does not depend on the disk, and hundreds of new databases would wait for it."""

    def arguments(self) -> list[str]:
        settings = ("fsync=off", "full_page_writes=off", "max_wal_size=4GB")
        return [*super().arguments(), *(part for setting in settings for part in ("-c", setting))]


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="rayfarm-test-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server runs as another user where the tests run as root
        server = EmbeddedPostgres(root=Path(folder) / "postgres", tuning=_NoDisk(max_connections=100))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def administer(postgres: EmbeddedPostgres) -> Iterator[Callable[[str], None]]:
    """Runs a command on the server; one connection for all tests, since each costs 25 ms."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("set file_copy_method = 'clone'")  # a new database in a quarter of the time
        yield lambda command: connection.execute(command.encode()) and None


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres, administer: Callable[[str], None]) -> str:
    name = "rayfarm_template"
    administer(f'create database "{name}"')
    upgrade(postgres.url_for(name))
    return name


class Databases:
    """Empty databases of the migrated schema. One that a test has left is emptied for the next one, which costs a tenth
    of another clone, unless the test changed the schema or filled it."""

    def __init__(self, postgres: EmbeddedPostgres, template: str, administer: Callable[[str], None]) -> None:
        self._postgres = postgres
        self._template = template
        self._administer = administer
        self._inside: dict[str, psycopg.Connection[Any]] = {}
        """Name -> a connection to clean it by, unless a test cut them all."""
        self._free: list[str] = []
        with psycopg.connect(postgres.url_for(template)) as connection:
            self._schema = connection.execute(_SCHEMA).fetchone()

    def take(self) -> str:
        if self._free:
            return self._free.pop()
        name = f"test_{uuid4().hex}"
        self._administer(f'create database "{name}" template "{self._template}" strategy file_copy')
        self._inside[name] = psycopg.connect(self._postgres.url_for(name), autocommit=True)
        return name

    def give_back(self, name: str) -> None:
        inside = self._inside[name]
        try:
            inside.execute(_END_OTHERS)
        except psycopg.OperationalError:  # a test cut them all
            inside = self._inside[name] = psycopg.connect(self._postgres.url_for(name), autocommit=True)
            inside.execute(_END_OTHERS)
        if inside.execute(_SCHEMA).fetchone() == self._schema:
            empty(inside)
            self._free.append(name)
        else:
            self._inside.pop(name).close()
            self._administer(f'drop database "{name}" with (force)')


_END_OTHERS = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""
_SCHEMA = """
select count(*), sum(relnatts), (select count(*) from pg_constraint), (select count(*) from pg_proc),
       pg_database_size(current_database()) > 100 * 1024 * 1024
from pg_class where relnamespace = 'public'::regnamespace
"""


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres, template: str, administer: Callable[[str], None]) -> Databases:
    return Databases(postgres, template, administer)


@pytest.fixture
def settings(postgres: EmbeddedPostgres, databases: Databases) -> Iterator[DatabaseSettings]:
    name = databases.take()
    yield DatabaseSettings(url=SecretStr(postgres.url_for(name)))
    databases.give_back(name)


@pytest.fixture
async def db(settings: DatabaseSettings) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def farm(db: Database) -> Farm:
    return await Farm.create(db)
