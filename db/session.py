"""The pool of connections, and the transaction that every statement of the farm runs in."""

from __future__ import annotations

import select
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
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


_ASKED_AFTER = timedelta(seconds=15)
"""A connection that was idle for longer is asked whether it lives before it is used: a peer that vanished without a
word is else noticed by the first statement. Asking every time would cost each transaction a round trip."""

_GIVEN_BACK_AT = "rayfarm_given_back_at"


class Database:
    """A pool for one event loop. A connection that died is replaced when it is next asked for."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self._engine = create_async_engine(
            settings.sqlalchemy_url,
            pool_size=settings.pool_size,
            max_overflow=settings.pool_overflow,
            pool_timeout=settings.pool_timeout.total_seconds(),
            pool_use_lifo=True,  # the warmest connection: its statements are prepared and planned
            connect_args=settings.connect_arguments(),
            hide_parameters=True,  # manifests, logs and key hashes do not belong in an exception's text
        )
        event.listen(self._engine.sync_engine, "checkin", _note_time)
        event.listen(self._engine.sync_engine, "checkout", self._require_alive)

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

    def _require_alive(self, dbapi_connection: Any, record: Any, _proxy: Any) -> None:
        """Have the pool replace a connection that died while it was idle.

        Nothing comes unasked on one that lives, so one that can be read has been told of its end, or has met it.
        """
        given_back_at = record.info.get(_GIVEN_BACK_AT)
        if given_back_at is None:  # a new one
            return
        idle_s = time.monotonic() - given_back_at
        if idle_s < _ASKED_AFTER.total_seconds() and not _can_be_read(dbapi_connection):
            return
        try:
            if self._engine.dialect.do_ping(dbapi_connection):
                return
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("The connection died while it was idle.") from error
        raise DisconnectionError("The connection died while it was idle.")


def _note_time(_dbapi_connection: Any, record: Any) -> None:
    record.info[_GIVEN_BACK_AT] = time.monotonic()


def _can_be_read(dbapi_connection: Any) -> bool:
    try:
        descriptor = dbapi_connection.driver_connection.fileno()
    except Exception:  # closed on this side: whatever it raises, it cannot be used
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _is_transient(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return error.connection_invalidated or type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout")
    return state.startswith(_TRANSIENT_CLASSES) or state in _TRANSIENT_STATES


def _first_line(error: DBAPIError) -> str:
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
