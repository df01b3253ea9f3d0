"""One request, one transaction: it begins with the first use and is committed before the answer is sent."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from db.session import Database, Transaction
from serve_app.audit.trail import Trail


class UnitOfWork:
    """The transaction of one request. An endpoint that turns to the network or to storage calls ``end`` first."""

    def __init__(self, *, database: Database, trail: Trail) -> None:
        self._database = database
        self.trail = trail
        """What was done so far goes into the audit log with the transaction that did it."""
        self._context: AbstractAsyncContextManager[Transaction] | None = None
        self._tx: Transaction | None = None

    async def begin(self) -> Transaction:
        """The open transaction; a new one where there is none."""
        if self._tx is None:
            context = self._database.transaction()
            self._tx = await context.__aenter__()
            self._context = context
        return self._tx

    async def end(self) -> None:
        """Commit now and give the connection back."""
        await self._close(None, None, None)

    async def conclude(self) -> None:
        """The request went well: what is still to be told of it is written with the commit."""
        if self.trail.conclude():
            await self.begin()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close(kind, error, trace)

    async def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        context, self._context = self._context, None
        tx, self._tx = self._tx, None
        if context is None or tx is None:
            return
        if kind is None:
            try:
                await self.trail.write(tx)
            except BaseException as failure:  # no change without its entry
                await context.__aexit__(type(failure), failure, failure.__traceback__)
                raise
        await context.__aexit__(kind, error, trace)
