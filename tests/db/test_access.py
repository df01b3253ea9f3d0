"""Keys, the first start, the feed, and what happens while the database is away."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from db.bootstrap import ensure_admin_key, ensure_project
from db.errors import DatabaseUnavailable
from db.events import append_event, read_events
from db.keys import create_key, revoke_key, verify_key
from db.listen import EVENTS, RECONNECTED, Notification, listen
from db.session import Database
from db.settings import DatabaseSettings
from jobs.access import FarmRole, ProjectRole
from jobs.errors import InvalidSettings
from jobs.events import EventKind
from tests.db.builders import Farm


class TestKeys:
    async def test_a_key_opens_its_project_and_nothing_in_the_database_reveals_it(self, farm: Farm) -> None:
        async with farm.db.transaction() as tx:
            made = await create_key(
                tx,
                project_id=farm.project_id,
                name="ci",
                role=ProjectRole.ARTIST,
                scopes=["project:read", "project:read"],
            )
        async with farm.db.transaction() as tx:
            identity = await verify_key(tx, made.key)
        assert identity is not None
        assert (identity.id, identity.project_id, identity.role) == (made.id, farm.project_id, ProjectRole.ARTIST)
        assert identity.scopes == frozenset({"project:read"})
        row = await farm.one("select * from api_key")
        assert made.key.split("_", 2)[2] not in repr(row)
        assert row.last_used_at is not None

    @pytest.mark.parametrize("spoil", ["", "rf_", "Bearer x", "rf_00000000_" + "a" * 43])
    async def test_what_is_no_key_is_nobody(self, farm: Farm, spoil: str) -> None:
        async with farm.db.transaction() as tx:
            assert await verify_key(tx, spoil) is None

    async def test_a_wrong_secret_an_expired_and_a_revoked_key_are_nobody(self, farm: Farm) -> None:
        async with farm.db.transaction() as tx:
            wrong = await create_key(tx, project_id=None, name="a", role=FarmRole.ADMIN)
            past = datetime.now(UTC) - timedelta(seconds=1)
            expired = await create_key(tx, project_id=None, name="b", role=FarmRole.ADMIN, expires_at=past)
            revoked = await create_key(tx, project_id=None, name="c", role=FarmRole.ADMIN)
            assert await revoke_key(tx, key_id=revoked.id)
            assert not await revoke_key(tx, key_id=revoked.id)
            last = "A" if wrong.key[-1] != "A" else "B"
            for presented in (wrong.key[:-1] + last, expired.key, revoked.key):
                assert await verify_key(tx, presented) is None


class TestBootstrap:
    async def test_the_first_start_makes_one_key_that_only_the_owner_reads(self, db: Database, tmp_path: Path) -> None:
        path = tmp_path / "admin_key"
        keys = await asyncio.gather(*(ensure_admin_key(db, path=path) for _ in range(3)))
        assert len(set(keys)) == 1
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text().strip() == keys[0]
        assert list(tmp_path.iterdir()) == [path]
        async with db.transaction() as tx:
            identity = await verify_key(tx, keys[0])
        assert identity is not None
        assert (identity.project_id, identity.role, identity.scopes) == (None, FarmRole.ADMIN, frozenset())

    async def test_a_key_of_another_farm_is_replaced(self, db: Database, tmp_path: Path) -> None:
        path = tmp_path / "admin_key"
        path.write_text("rf_00000000_" + "a" * 43)
        path.chmod(0o644)
        key = await ensure_admin_key(db, path=path)
        assert path.read_text().strip() == key
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async def test_a_project_is_made_once(self, db: Database) -> None:
        async with db.transaction() as tx:
            first = await ensure_project(tx, slug="a", name="A")
            assert await ensure_project(tx, slug="a", name="A again") == first


class TestFeed:
    async def test_events_of_concurrent_writers_are_numbered_without_a_gap(self, farm: Farm) -> None:
        job_id = await farm.submit()

        async def write() -> int:
            async with farm.db.transaction() as tx:
                return await append_event(tx, job_id=job_id, kind=EventKind.CHUNK_STARTED, data={})

        assert sorted(await asyncio.gather(*(write() for _ in range(8)))) == list(range(2, 10))
        async with farm.db.transaction() as tx:
            rows = await read_events(tx, job_id=job_id, after_seq=3, limit=4)
        assert [row.seq for row in rows] == [4, 5, 6, 7]

    async def test_a_rolled_back_event_leaves_no_gap_and_wakes_nobody(self, farm: Farm) -> None:
        job_id = await farm.submit()
        notifications = listen(farm.db.settings, [EVENTS])
        assert await _next(notifications) == RECONNECTED

        async def write_and_fail() -> None:
            async with farm.db.transaction() as tx:
                await append_event(tx, job_id=job_id, kind=EventKind.CHUNK_STARTED, data={})
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await write_and_fail()
        async with farm.db.transaction() as tx:
            assert await append_event(tx, job_id=job_id, kind=EventKind.CHUNK_STARTED, data={}) == 2
        assert json.loads((await _next(notifications)).payload) == {"job": str(job_id), "seq": 2}
        await notifications.aclose()


class TestOutage:
    async def test_a_cut_connection_is_replaced(self, farm: Farm) -> None:
        await farm.db.ping()
        _cut_all(farm.db.settings)
        await farm.db.ping()

    async def test_a_connection_that_is_cut_in_mid_transaction_is_unavailable_not_broken(self, farm: Farm) -> None:
        async def work_through_a_restart() -> None:
            async with farm.db.transaction() as tx:
                await tx.exec_driver_sql("select 1")
                await asyncio.to_thread(_cut_all, farm.db.settings)
                await tx.exec_driver_sql("select 1")

        with pytest.raises(DatabaseUnavailable):
            await work_through_a_restart()
        await farm.db.ping()

    async def test_a_server_that_is_away_is_unavailable(self) -> None:
        database = Database(DatabaseSettings(url=SecretStr("postgresql://rayfarm:secret@127.0.0.1:1/none")))
        with pytest.raises(DatabaseUnavailable) as caught:
            await database.ping()
        assert "secret" not in str(caught.value)
        await database.close()

    async def test_a_listener_comes_back_and_says_that_it_may_have_missed_something(self, farm: Farm) -> None:
        notifications = listen(farm.db.settings, [EVENTS])
        assert await _next(notifications) == RECONNECTED
        waiting = asyncio.ensure_future(anext(notifications))
        await asyncio.to_thread(_cut_all, farm.db.settings)
        assert await asyncio.wait_for(waiting, 10) == RECONNECTED
        job_id = await farm.submit()
        assert json.loads((await _next(notifications)).payload)["job"] == str(job_id)
        await notifications.aclose()

    async def test_too_few_connections_are_unavailable_with_a_remedy(self, settings: DatabaseSettings) -> None:
        small = Database(
            settings.model_copy(update={"pool_size": 1, "pool_overflow": 0, "pool_timeout": timedelta(milliseconds=20)})
        )
        async with small.transaction():
            with pytest.raises(DatabaseUnavailable, match="POOL_SIZE"):
                await small.ping()
        await small.close()


class TestSettings:
    @pytest.mark.parametrize("url", ["sqlite:///x.db", "not a url", "mysql://h/d"])
    def test_another_database_is_refused(self, url: str) -> None:
        with pytest.raises(InvalidSettings):
            DatabaseSettings(url=SecretStr(url))

    def test_the_password_shows_nowhere(self) -> None:
        settings = DatabaseSettings(url=SecretStr("postgresql://u:s3cret@h/d"))
        assert "s3cret" not in repr(settings) + str(settings.sqlalchemy_url)
        assert settings.sqlalchemy_url.drivername == "postgresql+psycopg"


async def _next(notifications: AsyncGenerator[Notification, None]) -> Notification:
    return await asyncio.wait_for(anext(notifications), 10)


def _cut_all(settings: DatabaseSettings) -> None:
    """What a restart of the server does to its clients."""
    with psycopg.connect(settings.libpq_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
