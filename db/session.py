"""The pool of connections, and the transaction that every statement of the farm runs in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from db.errors import DatabaseUnavailable, RowsBusy
from db.settings import DatabaseSettings

Transaction = AsyncConnection
"""One open transaction. Functions that take a ``tx`` never commit it."""

_TRANSIENT_CLASSES = ("08", "53", "57")
"""SQLSTATE classes: connection, resources, operator intervention (restart, statement timeout)."""

_BUSY_STATES = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock timeout: the whole transaction may be tried again."""

_TRANSIENT_STATES = frozenset({"25P03"})
"""This process stood still in the middle of a transaction for too long, and lost the connection."""


class Database:
    """A pool for one event loop. A connection that died is replaced when it is next asked for."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self._engine = create_async_engine(
            settings.sqlalchemy_url,
            pool_size=settings.pool_size,
            max_overflow=settings.pool_overflow,
            pool_timeout=settings.pool_timeout.total_seconds(),
            pool_pre_ping=True,
            connect_args=settings.connect_arguments(),
            hide_parameters=True,  # manifests, logs and key hashes do not belong in an exception's text
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commits at the end of the block, rolls back on an exception.

        ``DatabaseUnavailable`` where the database is away or gave up; then it is unknown whether a commit that was
        under way happened, so what is retried must be able to happen twice. ``RowsBusy``, one kind of it, where only
        a lock could not be had.
        """
        try:
            async with self._engine.begin() as connection:
                yield connection
        except PoolTimeoutError as error:
            raise DatabaseUnavailable(
                "All connections to the database are in use.", remedy="Try again, or raise RAYFARM_DATABASE_POOL_SIZE."
            ) from error
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in _BUSY_STATES:
                raise RowsBusy(
                    f"The database is busy: {_first_line(error)}", remedy="It is tried again by itself."
                ) from error
            if _is_transient(error):
                raise DatabaseUnavailable(
                    f"The database does not answer: {_first_line(error)}", remedy="It is tried again by itself."
                ) from error
            raise
        except OSError as error:  # name resolution
            raise DatabaseUnavailable(f"The database cannot be reached: {error}") from error

    async def ping(self) -> None:
        """Raise ``DatabaseUnavailable`` unless the database answers."""
        async with self.transaction() as tx:
            await tx.execute(text("select 1"))

    async def close(self) -> None:
        await self._engine.dispose()


def _is_transient(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return error.connection_invalidated or type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout")
    return state.startswith(_TRANSIENT_CLASSES) or state in _TRANSIENT_STATES


def _first_line(error: DBAPIError) -> str:
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
