"""A database that lets something else happen between two transactions of one call, or loses one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from db.session import Database, Transaction


class Crash(Exception):
    """The process died before its transaction was committed."""


class Interleaved(Database):
    """Before its ``at``-th transaction somebody else acts. The moments between two transactions are where races are."""

    def __init__(self, inner: Database, *, at: int, act: Callable[[], Awaitable[None]]) -> None:
        self.settings = inner.settings
        self._inner = inner
        self._left = at
        self._act = act

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self._left -= 1
        if self._left == 0:
            await self._act()
        async with self._inner.transaction() as tx:
            yield tx


class Crashing(Database):
    """Its ``at``-th transaction is rolled back, and the process is dead."""

    def __init__(self, inner: Database, *, at: int) -> None:
        self.settings = inner.settings
        self._inner = inner
        self._left = at

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self._left -= 1
        async with self._inner.transaction() as tx:
            yield tx
            if self._left == 0:
                raise Crash
