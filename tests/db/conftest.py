"""A real PostgreSQL per session; every test gets a database of its own, cloned from a migrated template."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from db.embedded import EmbeddedPostgres, PostgresTuning
from db.migrate import upgrade
from db.session import Database
from db.settings import DatabaseSettings
from tests.db.builders import Farm


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


@pytest.fixture
def settings(
    postgres: EmbeddedPostgres, template: str, administer: Callable[[str], None]
) -> Iterator[DatabaseSettings]:
    name = f"test_{uuid4().hex}"
    administer(f'create database "{name}" template "{template}" strategy file_copy')
    yield DatabaseSettings(url=SecretStr(postgres.url_for(name)))
    administer(f'drop database "{name}" with (force)')


@pytest.fixture
async def db(settings: DatabaseSettings) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def farm(db: Database) -> Farm:
    return await Farm.create(db)
