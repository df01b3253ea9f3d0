"""The feed over many jobs skips no event, in whatever order transactions end."""

from __future__ import annotations

import asyncio
import random
from uuid import UUID

from sqlalchemy import text

from db._query import statement
from db.bootstrap import ensure_project
from db.events import append_event
from db.feed import FeedPage, FeedPlace, feed_horizon, read_feed
from jobs.events import EventKind
from tests.db.builders import Farm

START = FeedPlace(0, 0)


async def page(
    farm: Farm,
    after: FeedPlace = START,
    *,
    project_id: UUID | None = None,
    kinds: tuple[EventKind, ...] | None = None,
    limit: int = 100,
) -> FeedPage:
    async with farm.db.transaction() as tx:
        return await read_feed(tx, project_id=project_id, kinds=kinds, after=after, limit=limit)


async def note(farm: Farm, job_id: UUID, word: str) -> None:
    async with farm.db.transaction() as tx:
        await append_event(tx, job_id=job_id, kind=EventKind.JOB_CHANGED, data={"word": word})


def words_of(read: FeedPage) -> list[str]:
    return [event.data["word"] for event in read.events if event.kind is EventKind.JOB_CHANGED]


async def test_an_event_of_a_transaction_that_commits_late_is_told_by_a_feed_that_has_seen_younger_ones(
    farm: Farm,
) -> None:
    early, late = await farm.submit(frames="1"), await farm.submit(frames="1")
    begun = (await page(farm)).place
    async with farm.db.transaction() as slow:
        await append_event(slow, job_id=late, kind=EventKind.JOB_CHANGED, data={"word": "late"})
        await note(farm, early, "early")  # a higher number, committed first
        held = await page(farm, begun)
        assert (words_of(held), held.is_held, held.is_whole) == ([], True, True)
    told = await page(farm, held.place)
    assert (words_of(told), told.is_held) == (["late", "early"], False)
    assert words_of(await page(farm, told.place)) == []


async def test_readers_beside_many_writers_that_end_in_any_order_see_each_event_once(farm: Farm) -> None:
    jobs = [await farm.submit(frames="1") for _ in range(8)]
    begun = (await page(farm)).place
    dice = random.Random(7)

    async def write(job_id: UUID, number: int) -> None:
        pauses = [dice.random() / 50 for _ in range(2)]
        async with farm.db.transaction() as tx:
            await tx.execute(text("select pg_current_xact_id()"))  # takes its number before its event
            await asyncio.sleep(pauses[0])
            await append_event(tx, job_id=job_id, kind=EventKind.JOB_CHANGED, data={"word": f"{number}"})
            await asyncio.sleep(pauses[1])

    async def follow(limit: int) -> list[str]:
        seen: list[str] = []
        after = begun
        while len(seen) < 120:
            read = await page(farm, after, limit=limit)
            after, seen = read.place, seen + words_of(read)
            await asyncio.sleep(0.002)
        return seen

    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(follow(limit)) for limit in (1, 7, 100)]
        for start in range(0, 120, 8):
            await asyncio.gather(*(write(jobs[place], start + place) for place in range(8)))
    for reader in readers:
        assert sorted(reader.result(), key=int) == [str(number) for number in range(120)]
    assert words_of(await page(farm, begun, limit=1000)) == readers[0].result()  # one order, however it is read


async def test_a_feed_of_one_project_and_some_kinds_tells_nothing_else(farm: Farm) -> None:
    mine = await farm.submit(frames="1")
    async with farm.db.transaction() as tx:
        stranger = await ensure_project(tx, slug="stranger", name="Stranger")
    begun = (await page(farm)).place
    await note(farm, mine, "mine")
    assert words_of(await page(farm, begun, project_id=farm.project_id)) == ["mine"]
    assert (await page(farm, begun, project_id=stranger)).events == ()
    assert (await page(farm, begun, kinds=(EventKind.JOB_STATE,))).events == ()
    assert (await page(farm, kinds=())).events == ()
    [created] = [each for each in (await page(farm, kinds=(EventKind.JOB_CREATED,))).events if each.job_id == mine]
    assert created.project_id == farm.project_id


async def test_events_of_a_database_that_was_restored_from_a_dump_are_told_as_the_oldest(farm: Farm) -> None:
    job_id = await farm.submit(frames="1")
    await note(farm, job_id, "before")
    async with farm.db.transaction() as tx:
        beyond = (await feed_horizon(tx)).beyond
    await farm.execute("update event set xid = cast(cast(:xid as text) as xid8)", xid=str(beyond + 1_000_000))
    assert (await page(farm)).events == ()
    async with farm.db.transaction() as tx:
        await tx.execute(statement("settle_restored_events"))
    await note(farm, job_id, "after")
    assert words_of(await page(farm)) == ["before", "after"]
