"""A bucket gives what it holds and no more, whoever asks at once, and fills again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import text

from db.rates import Grant, seconds_until_full, take_tokens
from db.session import Database
from tests.db.builders import Farm

DAY = timedelta(days=1)


async def take(db: Database, want: int, *, subject: str = "key:a", quota: int = 10, window: timedelta = DAY) -> Grant:
    async with db.transaction() as tx:
        return await take_tokens(tx, subject=subject, rate_class="read", want=want, quota=quota, window=window)


async def let_pass(db: Database, seconds: float) -> None:
    async with db.transaction() as tx:
        await tx.execute(text("update rate_bucket set full_at = full_at - make_interval(secs => :s)"), {"s": seconds})


class TestBucket:
    async def test_it_gives_its_quota_and_then_nothing(self, farm: Farm) -> None:
        assert [(await take(farm.db, 4)).tokens for _ in range(4)] == [4, 4, 2, 0]

    async def test_many_who_ask_at_once_get_no_more_than_it_holds(self, farm: Farm) -> None:
        grants = await asyncio.gather(*(take(farm.db, 3, quota=50) for _ in range(40)))
        assert sum(grant.tokens for grant in grants) == 50

    async def test_what_is_spent_comes_back_evenly(self, farm: Farm) -> None:
        await take(farm.db, 10)
        await let_pass(farm.db, DAY.total_seconds() / 2)
        assert (await take(farm.db, 10)).tokens == 5
        assert (await take(farm.db, 1)).tokens == 0

    async def test_it_never_holds_more_than_its_quota(self, farm: Farm) -> None:
        await take(farm.db, 1)
        await let_pass(farm.db, 10 * DAY.total_seconds())
        assert [(await take(farm.db, 10)).tokens for _ in range(2)] == [10, 0]

    async def test_each_caller_has_its_own(self, farm: Farm) -> None:
        assert (await take(farm.db, 10)).tokens == 10
        assert (await take(farm.db, 10, subject="key:b")).tokens == 10

    async def test_a_clock_that_was_set_back_locks_nobody_out_for_longer_than_a_window(self, farm: Farm) -> None:
        await take(farm.db, 10)
        await let_pass(farm.db, -365 * DAY.total_seconds())
        assert (await take(farm.db, 1)).tokens == 0
        async with farm.db.transaction() as tx:
            missing_s = await seconds_until_full(tx, subject="key:a")
        assert missing_s["read"] <= DAY.total_seconds()

    async def test_a_smaller_quota_holds_at_once(self, farm: Farm) -> None:
        await take(farm.db, 1, quota=1000)
        assert (await take(farm.db, 1000, quota=5)).tokens <= 5
