"""What starts behind a migration Job waits for it, and says why it gave up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr

from db.embedded import EmbeddedPostgres
from db.migrate import newest_revision
from db.settings import DatabaseSettings
from db.wait_for_schema import SchemaIsLate, main, wait_for_schema

NOW, SOON = timedelta(0), timedelta(milliseconds=10)


async def test_a_database_of_this_release_is_waited_for_no_longer(settings: DatabaseSettings) -> None:
    assert await wait_for_schema(settings, within=NOW) == newest_revision()


async def test_an_empty_database_is_late_and_the_remedy_names_the_migration(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute('create database "empty"')
    empty = DatabaseSettings(url=SecretStr(postgres.url_for("empty")))
    with pytest.raises(SchemaIsLate) as late:
        await wait_for_schema(empty, within=NOW)
    assert "no revision" in str(late.value)
    assert "db.migrate" in str(late.value)


async def test_it_goes_on_as_soon_as_the_migration_has_run(settings: DatabaseSettings) -> None:
    url = settings.url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter table alembic_version rename to not_yet")
        waiting = asyncio.create_task(wait_for_schema(settings, within=timedelta(minutes=5), pause=SOON))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        connection.execute("alter table not_yet rename to alembic_version")
        assert await waiting == newest_revision()


def test_a_database_that_does_not_answer_ends_the_program_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert main(["--within", "PT0S"]) == 1
    assert "not there within 0 s" in capsys.readouterr().err
