"""Connections that die while they lie in the pool."""

from __future__ import annotations

from sqlalchemy import text

from db.session import Database
from db.settings import DatabaseSettings

_END_OTHERS = (
    "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)


async def _backend(db: Database) -> int:
    async with db.transaction() as tx:
        return int((await tx.execute(text("select pg_backend_pid()"))).scalar_one())


async def test_a_restart_of_the_server_between_two_transactions_is_not_noticed(
    db: Database, settings: DatabaseSettings
) -> None:
    before = await _backend(db)
    other = Database(settings)
    try:
        async with other.transaction() as tx:
            assert (await tx.execute(text(_END_OTHERS))).scalar_one() >= 1
        assert await _backend(db) != before
    finally:
        await other.close()


async def test_every_dead_connection_of_the_pool_is_replaced(db: Database, settings: DatabaseSettings) -> None:
    async with db.transaction() as one, db.transaction() as two:
        await one.execute(text("select 1"))
        await two.execute(text("select 1"))
    other = Database(settings)
    try:
        async with other.transaction() as tx:
            assert (await tx.execute(text(_END_OTHERS))).scalar_one() >= 2
        async with db.transaction() as one, db.transaction() as two:
            assert (await one.execute(text("select 1"))).scalar_one() == 1
            assert (await two.execute(text("select 1"))).scalar_one() == 1
    finally:
        await other.close()


async def test_the_connection_used_last_is_used_next_so_that_its_plans_are_warm(db: Database) -> None:
    async with db.transaction() as one, db.transaction() as two:
        await one.execute(text("select 1"))
        await two.execute(text("select 1"))
    assert len({await _backend(db) for _ in range(4)}) == 1
