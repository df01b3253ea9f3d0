"""LISTEN on a connection of its own that comes back after an outage. It brings hints; the rows are the truth."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql

from db.settings import DatabaseSettings

DISPATCH = "rayfarm_dispatch"
"""Work appeared or ended, or a replica changed: the planner has something to do."""

EVENTS = "rayfarm_events"
"""Payload ``{"job", "seq"}`` or ``{"model"}``: a feed has something to read."""

PROGRESS = "rayfarm_progress"
"""Payload: where a frame that renders stands, whole. It is told once and kept nowhere but in its replica's row."""

_CHECK_EVERY = timedelta(seconds=15)
"""A connection on which nothing arrives is asked whether it lives; a vanished peer is else noticed by TCP alone."""

_LONGEST_PAUSE = timedelta(seconds=2)
"""Between attempts to reconnect: a restart of the database takes a second, and nobody else can tell us of its end."""


@dataclass(frozen=True, slots=True)
class Notification:
    channel: str
    payload: str


RECONNECTED = Notification(channel="", payload="reconnected")
"""Yielded after every connect, the first too: what was missed meanwhile must be read from the rows."""


def replica_channel(replica_id: object) -> str:
    """The channel of one replica: payload ``{"verb": "work"|"cancel"|"drain"|"take_back", "work_id", "fence"}``."""
    return f"rayfarm_replica_{str(replica_id).replace('-', '')}"


async def listen(settings: DatabaseSettings, channels: Sequence[str]) -> AsyncGenerator[Notification, None]:
    """Yields for ever; closing the generator or canceling its task closes the connection."""
    pause = 0.05
    while True:
        try:
            async with await _connect(settings) as connection:
                for channel in channels:
                    await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                pause = 0.05
                yield RECONNECTED
                while True:
                    async for notify in connection.notifies(timeout=_CHECK_EVERY.total_seconds()):
                        yield Notification(channel=notify.channel, payload=notify.payload)
                    await asyncio.wait_for(connection.execute("select 1"), settings.connect_timeout.total_seconds())
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError, TimeoutError):
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, _LONGEST_PAUSE.total_seconds())


async def _connect(settings: DatabaseSettings) -> psycopg.AsyncConnection[Any]:
    arguments: dict[str, Any] = settings.connect_arguments(suffix=" listen")
    return await psycopg.AsyncConnection.connect(settings.libpq_url, autocommit=True, **arguments)
