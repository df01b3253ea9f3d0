"""A cache of costly resident things: loads once, pins what is in use, evicts the least recently used by bytes.

Bytes of what (RAM, video memory) is the owner's concern: each kind has a budget and a measure of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from models.errors import ResidencyFull

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget(Generic[V]):
    """How much of one resource all residents may hold together."""

    limit_bytes: int
    measure: Callable[[V], int]
    """Bytes of it that one resident holds now."""


@dataclass(slots=True, eq=False)
class _Entry(Generic[V]):
    """One resident thing, from the start of its load until it is closed."""

    loading: asyncio.Task[V] | None = None
    value: V | None = None
    pins: int = 0
    """Callers that wait for it or use it."""
    last_use: int = 0
    leaving: bool = False
    closing: asyncio.Task[None] | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def end(self) -> asyncio.Task[Any] | None:
        """What goes on until its place is free; None: it stays, or waits for its last pin."""
        return self.closing or (self.loading if self.leaving else None)

    @property
    def ready(self) -> bool:
        return self.loading is None and not self.leaving


class ResidencyCache(Generic[K, V]):
    """Belongs to one event loop. `acquire` pins, `release` unpins; only what nobody has pinned is evicted.

    Budgets steer evictions. One thing larger than all of one still loads, alone: whoever loads it caps its memory.
    """

    def __init__(
        self,
        *,
        budgets: Sequence[Budget[V]],
        max_entries: int,
        close: Callable[[V], Awaitable[None]],
        last_to_leave: Callable[[K], bool] = lambda key: False,
    ) -> None:
        """``last_to_leave``: whether a key is evicted only when no other can be."""
        if max_entries < 1 or any(budget.limit_bytes < 0 for budget in budgets):
            raise ValueError("a residency cache needs budgets of 0 bytes or more, and max_entries >= 1")
        self._budgets = tuple(budgets)
        self._max_entries = max_entries
        self._close = close
        self._last_to_leave = last_to_leave
        self._entries: dict[K, _Entry[V]] = {}
        self._uses = itertools.count(1)
        self._closed = False

    def __contains__(self, key: K) -> bool:
        """Whether it is loaded, so that `acquire` would not wait."""
        entry = self._entries.get(key)
        return entry is not None and entry.ready

    def __len__(self) -> int:
        return sum(entry.ready for entry in self._entries.values())

    def items(self) -> Iterator[tuple[K, V]]:
        """What is loaded now."""
        for key, entry in list(self._entries.items()):
            if entry.ready:
                yield key, cast("V", entry.value)

    def held_bytes(self, budget: Budget[V]) -> int:
        """What all residents hold of one resource now, as measured."""
        return sum(budget.measure(value) for _, value in self.items())

    async def acquire(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The thing of `key`, pinned; loads it if need be, once however many ask.

        Raises what `load` raised, or `ResidencyFull`. A caller that is cancelled drops its own pin; the load itself is
        cancelled when nobody waits for it any more. What it was closing to make room is closed before that is raised.
        """
        while True:
            if self._closed:
                raise ResidencyFull("The cache of resident models is closed.")
            entry = self._entries.get(key)
            if entry is None or not entry.leaving:
                break
            await entry.gone.wait()
        if entry is None:
            entry = self._entries[key] = _Entry()
            entry.pins += 1
            entry.loading = asyncio.create_task(self._load(key, entry, load), name=f"load-{key}")
        else:
            entry.pins += 1
        entry.last_use = next(self._uses)
        loading = entry.loading
        if loading is None:
            return cast("V", entry.value)
        try:
            return await asyncio.shield(loading)
        except BaseException:
            entry.pins -= 1
            if entry.pins == 0:
                if entry.loading is not None:
                    entry.leaving = True  # who wants it from here on starts a load of their own
                    loading.cancel()
                await asyncio.wait({loading})
                if entry.ready:
                    await self._trim()  # the load won the race against our cancellation: it stays, unpinned
            raise

    async def release(self, key: K) -> None:
        """Drop one pin; over the budget, something unpinned leaves now."""
        entry = self._unpin(key)
        if entry.leaving:
            if entry.pins == 0:
                await self._bury(key, entry)
        else:
            await self._trim()

    async def discard(self, key: K) -> None:
        """Drop one pin and let the thing go: nobody gets it any more, and it is closed after its last pin."""
        entry = self._unpin(key)
        entry.leaving = True
        if entry.pins == 0:
            await self._bury(key, entry)

    async def evict(self, key: K) -> bool:
        """Close what is loaded and unpinned; says whether it did."""
        entry = self._entries.get(key)
        if entry is None or not entry.ready or entry.pins:
            return False
        await self._bury(key, entry)
        return True

    async def close(self) -> None:
        """Cancel loads and close everything, pinned or not. Nothing can be acquired any more."""
        self._closed = True
        loads = [entry.loading for entry in self._entries.values() if entry.loading is not None]
        for load in loads:
            load.cancel()
        closings = [self._closing(key, entry) for key, entry in self._entries.items() if entry.loading is None]
        await _to_the_end(*loads, *closings)
        await _to_the_end(*(self._closing(key, entry) for key, entry in list(self._entries.items())))

    async def _load(self, key: K, entry: _Entry[V], load: Callable[[], Awaitable[V]]) -> V:
        try:
            await self._make_room(entry)
            entry.value = value = await load()
        except BaseException:
            self._entries.pop(key, None)
            entry.leaving = True
            entry.gone.set()
            raise
        finally:
            entry.loading = None
        if entry.leaving or (entry.pins == 0 and self._closed):
            await self._bury(key, entry)
        else:
            await self._trim()
        return value

    async def _make_room(self, newcomer: _Entry[V]) -> None:
        """Before a load: its size is not known yet, so the budgets are freed down to what is measured now."""
        while len(self._entries) > self._max_entries:
            if leaving := [task for other in self._entries.values() if (task := other.end) is not None]:
                await asyncio.wait(leaving, return_when=asyncio.FIRST_COMPLETED)
                continue
            victim = self._next_to_leave()
            if victim is None:
                raise ResidencyFull(
                    f"All {self._max_entries} resident models are in use.", remedy="Try again when a frame has ended."
                )
            await self._bury(*victim)
        await self._trim()

    async def _trim(self) -> None:
        for budget in self._budgets:
            while self.held_bytes(budget) > budget.limit_bytes:
                victim = self._next_to_leave(budget)
                if victim is None:
                    break
                await self._bury(*victim)

    def _next_to_leave(self, budget: Budget[V] | None = None) -> tuple[K, _Entry[V]] | None:
        """Of those that nobody uses; with a budget: of those whose end would give back some of it."""
        idle = [
            (key, entry)
            for key, entry in self._entries.items()
            if entry.ready and entry.pins == 0 and (budget is None or budget.measure(cast("V", entry.value)) > 0)
        ]
        return min(idle, key=lambda item: (self._last_to_leave(item[0]), item[1].last_use), default=None)

    def _unpin(self, key: K) -> _Entry[V]:
        entry = self._entries.get(key)
        if entry is None or entry.pins == 0:
            raise ValueError(f"{key!r} is not pinned")
        entry.pins -= 1
        entry.last_use = next(self._uses)
        return entry

    async def _bury(self, key: K, entry: _Entry[V]) -> None:
        """Close one thing, to its end even when the caller is cancelled."""
        if not entry.gone.is_set():
            await _to_the_end(self._closing(key, entry))

    def _closing(self, key: K, entry: _Entry[V]) -> asyncio.Task[None]:
        """The one task that closes it; no caller's, so that a caller's cancellation cannot leave it half closed."""
        entry.leaving = True
        if entry.closing is None:
            value, entry.value = entry.value, None
            entry.closing = asyncio.create_task(self._shut(key, entry, value), name=f"close-{key}")
        return entry.closing

    async def _shut(self, key: K, entry: _Entry[V], value: V | None) -> None:
        """Until it is closed its key stays taken, so that the next load finds its memory free."""
        try:
            if value is not None:
                await self._close(value)
        except Exception:
            logger.exception("a resident did not close", extra={"action": "residency_close", "key": str(key)})
        finally:
            if self._entries.get(key) is entry:
                del self._entries[key]
            entry.gone.set()


async def _to_the_end(*tasks: asyncio.Task[Any]) -> None:
    """Wait for all of them, however often this is cancelled meanwhile; a cancellation is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
