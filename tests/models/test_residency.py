"""What stays loaded: one load for many callers, pins hold, the least recently used leaves, errors keep nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from models.residency import Budget, ResidencyCache


@dataclass(eq=False)
class Resident:
    name: str
    size: int
    video: int = 0
    closed: bool = False


@dataclass
class Loader:
    """Counts loads; a gate holds one back."""

    size: int = 10
    loads: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def load(self, name: str) -> Resident:
        self.loads.append(name)
        if self.gate is not None:
            await self.gate.wait()
        return Resident(name, self.size)


async def shut(resident: Resident) -> None:
    resident.closed = True


def cache(
    *,
    budget: int = 100,
    video: int = 100,
    entries: int = 10,
    kept: str = "",
    close: Callable[[Resident], Awaitable[None]] = shut,
) -> ResidencyCache[str, Resident]:
    return ResidencyCache(
        budgets=(
            Budget(limit_bytes=budget, measure=lambda resident: resident.size),
            Budget(limit_bytes=video, measure=lambda resident: resident.video),
        ),
        max_entries=entries,
        close=close,
        last_to_leave=lambda key: key in kept,
    )


async def use(residents: ResidencyCache[str, Resident], loader: Loader, name: str) -> Resident:
    resident = await residents.acquire(name, lambda: loader.load(name))
    await residents.release(name)
    return resident


async def test_callers_that_come_together_share_one_load() -> None:
    loader, residents = Loader(gate=asyncio.Event()), cache()
    calls = [asyncio.create_task(residents.acquire("a", lambda: loader.load("a"))) for _ in range(5)]
    await asyncio.sleep(0)
    assert loader.gate is not None
    loader.gate.set()
    values = await asyncio.gather(*calls)
    assert loader.loads == ["a"]
    assert len({id(value) for value in values}) == 1


async def test_the_least_recently_used_leaves_when_bytes_run_out() -> None:
    loader, residents = Loader(size=40), cache(budget=100)
    first = await use(residents, loader, "a")
    second = await use(residents, loader, "b")
    await use(residents, loader, "a")
    await use(residents, loader, "c")
    assert (first.closed, second.closed) == (False, True)
    assert [key for key, _ in residents.items()] == ["a", "c"]


async def test_a_resident_that_grew_makes_others_leave_at_the_next_release() -> None:
    loader, residents = Loader(size=40), cache(budget=100)
    first = await use(residents, loader, "a")
    second = await residents.acquire("b", lambda: loader.load("b"))
    second.size = 90
    await residents.release("b")
    assert first.closed
    assert not second.closed


async def test_a_pinned_resident_never_leaves() -> None:
    loader, residents = Loader(size=80), cache(budget=100)
    pinned = await residents.acquire("a", lambda: loader.load("a"))
    other = await use(residents, loader, "b")
    assert not pinned.closed
    assert other.closed


async def test_the_number_of_entries_is_bounded_before_a_load_begins() -> None:
    loader, residents = Loader(), cache(entries=2)
    for name in "abcd":
        await use(residents, loader, name)
    assert [key for key, _ in residents.items()] == ["c", "d"]


async def test_only_those_that_hold_some_of_a_resource_leave_when_it_runs_out() -> None:
    loader, residents = Loader(size=10), cache(video=50)
    held = []
    for name, video in (("a", 0), ("b", 30), ("c", 0), ("d", 40)):
        resident = await residents.acquire(name, lambda name=name: loader.load(name))  # type: ignore[misc]
        resident.video = video
        await residents.release(name)
        held.append(resident)
    assert [resident.closed for resident in held] == [False, True, False, False]


async def test_a_resource_that_one_in_use_holds_alone_costs_the_others_nothing() -> None:
    loader, residents = Loader(size=10), cache(video=50)
    first = await use(residents, loader, "a")
    huge = await residents.acquire("b", lambda: loader.load("b"))
    huge.video = 80
    await use(residents, loader, "c")
    assert [first.closed, huge.closed] == [False, False]
    await residents.release("b")
    assert [first.closed, huge.closed] == [False, True]


async def test_what_is_kept_leaves_after_all_others_however_long_ago_it_was_used_but_it_does_leave() -> None:
    loader, residents = Loader(), cache(entries=2, kept="a")
    kept = await use(residents, loader, "a")
    for name in "bcd":
        await use(residents, loader, name)
    assert [key for key, _ in residents.items()] == ["a", "d"]
    pinned = await residents.acquire("d", lambda: loader.load("d"))
    await use(residents, loader, "e")
    assert (kept.closed, pinned.closed) == (True, False)


async def test_an_error_reaches_every_caller_and_keeps_nothing() -> None:
    residents = cache()

    async def broken() -> Resident:
        await asyncio.sleep(0)
        raise RuntimeError("no such scene")

    results = await asyncio.gather(*(residents.acquire("a", broken) for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["no such scene"] * 3
    assert "a" not in residents
    loader = Loader()
    assert (await use(residents, loader, "a")).name == "a"


async def test_a_load_is_cancelled_with_its_last_waiter_and_goes_on_for_the_others() -> None:
    loader, residents = Loader(gate=asyncio.Event()), cache()
    one, two = (asyncio.create_task(residents.acquire("a", lambda: loader.load("a"))) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    assert loader.gate is not None
    loader.gate.set()
    assert (await two).name == "a"
    assert loader.loads == ["a"]

    loader.gate.clear()
    lonely = asyncio.create_task(residents.acquire("b", lambda: loader.load("b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    lonely.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lonely
    loader.gate.set()
    assert "b" not in residents
    assert (await use(residents, loader, "b")).name == "b"


@dataclass
class SlowEnd:
    """Closes a resident only once its gate opens."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, resident: Resident) -> None:
        self.begun.set()
        await self.gate.wait()
        resident.closed = True


async def turns(count: int = 10) -> None:
    """Let everybody who can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_cancelled_load_still_closes_what_it_was_making_leave_and_its_place_stays_taken_until_then() -> None:
    end, loader = SlowEnd(), Loader()
    residents = cache(entries=1, close=end)
    evicted = await use(residents, loader, "a")
    loading = asyncio.create_task(residents.acquire("b", lambda: loader.load("b")))
    await end.begun.wait()
    for _ in range(3):  # whoever waits may be impatient
        loading.cancel()
        await turns()
    again = asyncio.create_task(residents.acquire("a", lambda: loader.load("a")))
    await turns()
    assert (evicted.closed, loader.loads) == (False, ["a"]), "neither is gone before it is closed"
    end.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert (await again).name == "a"
    assert evicted.closed
    assert "b" not in residents
    assert loader.loads == ["a", "a"]


async def test_a_cancelled_discard_or_close_still_closes_the_thing() -> None:
    end, loader = SlowEnd(), Loader()
    residents = cache(close=end)
    worn, other = [await residents.acquire(name, lambda name=name: loader.load(name)) for name in "ab"]  # type: ignore[misc]
    discarding = asyncio.create_task(residents.discard("a"))
    await end.begun.wait()
    closing = asyncio.create_task(residents.close())
    await turns()
    for task in (discarding, closing):
        task.cancel()
        await turns()
    assert [discarding.done(), closing.done()] == [False, False]
    end.gate.set()
    results = await asyncio.gather(discarding, closing, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    assert [worn.closed, other.closed] == [True, True]


async def test_a_load_that_comes_while_one_leaves_takes_its_place_and_nobody_elses() -> None:
    end, loader = SlowEnd(), Loader()
    residents = cache(entries=2, close=end)
    leaving = await residents.acquire("a", lambda: loader.load("a"))
    stays = await use(residents, loader, "b")
    discarding = asyncio.create_task(residents.discard("a"))
    await end.begun.wait()
    loading = asyncio.create_task(use(residents, loader, "c"))
    await turns()
    end.gate.set()
    await asyncio.gather(discarding, loading)
    assert (leaving.closed, stays.closed) == (True, False)
    assert [key for key, _ in residents.items()] == ["b", "c"]


async def test_close_closes_all() -> None:
    loader, residents = Loader(), cache()
    values = [await use(residents, loader, name) for name in "abc"]
    await residents.close()
    assert all(value.closed for value in values)
