"""An event loop of its own thread: the browser's driver has the main thread's, and the farm's code is asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

Answer = TypeVar("Answer")
_LONGEST_S = 120.0


class LoopThread:
    """Runs coroutines while the thread that waits for them is another one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="farm", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Its answer; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LONGEST_S)

    @contextmanager
    def opened(self, context: AbstractAsyncContextManager[Answer]) -> Iterator[Answer]:
        """An asynchronous context, entered and left in one task of the loop."""
        entered: Future[Answer] = Future()
        leaving = asyncio.Event()

        async def hold() -> None:
            try:
                async with context as value:
                    entered.set_result(value)
                    await leaving.wait()
            except BaseException as failure:
                if not entered.done():
                    entered.set_exception(failure)
                raise

        held = asyncio.run_coroutine_threadsafe(hold(), self._loop)
        try:
            yield entered.result(_LONGEST_S)
        finally:
            self._loop.call_soon_threadsafe(leaving.set)
            held.result(_LONGEST_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LONGEST_S)
        self._loop.close()
