"""Blocking calls on a bounded pool of threads, none of which is ever left running behind its caller's back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """A pool of its own, so that slow storage never starves what else uses the event loop's default threads."""

    def __init__(self, *, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)

    def start(self, function: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Begin a call; whoever starts it waits for it, by ``await`` or ``settle``."""
        return asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    async def run(self, function: Callable[..., T], *args: object, stop: threading.Event | None = None) -> T:
        """Make a call and wait for it, also when cancelled.

        A thread cannot be interrupted: if the caller went on at once, its clean-up would race with the write that
        is still going on. ``stop`` tells a long call to give up early.
        """
        future = self.start(function, *args)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if stop is not None:
                stop.set()
            await self.settle([future])
            raise

    async def settle(self, futures: Iterable[asyncio.Future[Any]]) -> None:
        """Wait until every call has ended, whatever its outcome and however often the waiter is cancelled."""
        pending = {future for future in futures if not future.done()}
        cancelled = False
        while pending:
            try:
                _, pending = await asyncio.wait(pending)
            except asyncio.CancelledError:
                cancelled = True
                pending = {future for future in pending if not future.done()}
        for future in futures:
            if not future.cancelled():
                future.exception()  # marks it as seen; the first failure was already raised where it mattered
        if cancelled:
            raise asyncio.CancelledError

    async def close(self) -> None:
        """Wait for running calls, then let the threads go."""
        await asyncio.to_thread(self._pool.shutdown)
