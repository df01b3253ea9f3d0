"""What stays loaded: a cache with a budget in bytes, single-flight loads, pins, eviction by last use.

Generic: the values are whatever a caller keeps resident (engine processes, decoded scenes). Sizes are measured when
room is needed, since a resident grows.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class _Entry(Generic[Value]):
    value: Value
    pins: int = 0


class ResidencyCache(Generic[Key, Value]):
    """Use from one event loop. ``acquire`` pins, ``release`` unpins; a pinned value is never evicted."""

    def __init__(
        self,
        *,
        budget_bytes: int,
        max_entries: int,
        measure: Callable[[Value], int],
        close: Callable[[Value], Awaitable[None]],
    ) -> None:
        if budget_bytes <= 0 or max_entries <= 0:
            raise ValueError(f"budget_bytes and max_entries must be positive, not {budget_bytes} and {max_entries}")
        self._budget_bytes = budget_bytes
        self._max_entries = max_entries
        self._measure = measure
        self._close = close
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        self._loading: dict[Key, asyncio.Task[_Entry[Value]]] = {}
        self._waiting: dict[Key, int] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> Iterator[tuple[Key, Value]]:
        """Residents, least recently used first."""
        for key, entry in list(self._entries.items()):
            yield key, entry.value

    def used_bytes(self) -> int:
        """What the residents measure now."""
        return sum(self._measure(entry.value) for entry in self._entries.values())

    async def acquire(self, key: Key, load: Callable[[], Awaitable[Value]]) -> Value:
        """The resident value, pinned; callers that ask for one key at once share one load.

        An error of ``load`` is raised in each of them and nothing is kept. A load goes on while anybody waits for it,
        and is cancelled with the last one.
        """
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            entry.pins += 1
            return entry.value
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.create_task(self._load(key, load), name=f"resident-{key}")
            self._loading[key] = loading
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            entry = await asyncio.shield(loading)
            entry.pins += 1
            return entry.value
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                if not loading.done():
                    loading.cancel()
                    await asyncio.gather(loading, return_exceptions=True)

    async def release(self, key: Key) -> None:
        """Unpin; what is over budget now leaves, least recently used first."""
        self._entries[key].pins -= 1
        await self._make_room(free_entries=0)

    async def discard(self, key: Key) -> None:
        """Close the value at once, pinned or not: it is broken. Nothing happens when it is gone already."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            await self._close(entry.value)

    async def close(self) -> None:
        """Stop loads and close every value."""
        loads = list(self._loading.values())
        for loading in loads:
            loading.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
        while self._entries:
            _, entry = self._entries.popitem(last=False)
            await self._close(entry.value)

    async def _load(self, key: Key, load: Callable[[], Awaitable[Value]]) -> _Entry[Value]:
        try:
            await self._make_room(free_entries=1)
            entry = _Entry(await load())
            self._entries[key] = entry
            entry.pins += 1  # not evicted for its own size before its first user has it
            try:
                await self._make_room(free_entries=0)
            finally:
                entry.pins -= 1
            return entry
        finally:
            del self._loading[key]

    async def _make_room(self, *, free_entries: int) -> None:
        while len(self._entries) + free_entries > self._max_entries or self.used_bytes() > self._budget_bytes:
            victim = next((key for key, entry in self._entries.items() if not entry.pins), None)
            if victim is None:
                return  # all in use: over budget until one is released
            await self.discard(victim)
