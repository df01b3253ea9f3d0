"""How the processes of the API share one count, and what they do when it cannot be had."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from db.session import Database
from db.settings import DatabaseSettings
from serve_app.rates.limiter import Limiter, Standing
from serve_app.rates.policies import Policy, RateClass, class_of

QUOTA, BATCH = 60, 6
DAY = timedelta(days=1)
POLICY = Policy(quota=QUOTA, window=DAY, batch=BATCH)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class CountedDatabase(Database):
    """The real one, which remembers how often it was asked."""

    asked = 0

    def transaction(self):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super().transaction()


@pytest.fixture
async def database(database_settings: DatabaseSettings) -> AsyncIterator[CountedDatabase]:
    database = CountedDatabase(database_settings)
    yield database
    await database.close()


@pytest.fixture
async def away() -> AsyncIterator[CountedDatabase]:
    url = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")
    database = CountedDatabase(DatabaseSettings(url=url, connect_timeout=timedelta(seconds=1)))
    yield database
    await database.close()


def limiter(database: Database, policy: Policy = POLICY, clock: Clock | None = None) -> Limiter:
    return Limiter(database=database, policies=dict.fromkeys(RateClass, policy), clock=clock or Clock())


async def spend(one: Limiter, times: int, subject: str = "key:a") -> list[Standing]:
    return [await one.spend(subject, RateClass.READ) for _ in range(times)]


def passed(standings: list[Standing]) -> int:
    return sum(not standing.is_over for standing in standings)


class TestSharing:
    async def test_processes_together_let_through_the_quota_and_no_more(self, database: Database) -> None:
        several = [limiter(database) for _ in range(3)]
        ways = await asyncio.gather(*(spend(one, QUOTA) for one in several))
        assert sum(map(passed, ways)) == QUOTA

    async def test_what_a_process_kept_from_an_earlier_window_is_less_than_a_batch(self, database: Database) -> None:
        """The stated slack: n × (batch - 1)."""
        several = [limiter(database) for _ in range(3)]
        for one in several:
            await spend(one, 1)
        async with database.transaction() as tx:
            await tx.exec_driver_sql("delete from rate_bucket")  # a window later: the bucket is full again
        ways = [await spend(one, 2 * QUOTA) for one in several]
        assert sum(map(passed, ways)) == QUOTA + 3 * (BATCH - 1)

    async def test_a_batch_costs_the_database_one_question(self, database: CountedDatabase) -> None:
        assert passed(await spend(limiter(database), QUOTA)) == QUOTA
        assert database.asked == QUOTA // BATCH

    async def test_a_flood_of_refused_requests_costs_the_database_nothing(self, database: CountedDatabase) -> None:
        one = limiter(database)
        await spend(one, QUOTA + 1)
        before = database.asked
        assert passed(await spend(one, 1000)) == 0
        assert database.asked == before

    async def test_requests_at_once_ask_together(self, database: CountedDatabase) -> None:
        one = limiter(database)
        standings = await asyncio.gather(*(one.spend("key:a", RateClass.READ) for _ in range(BATCH)))
        assert passed(list(standings)) == BATCH
        assert database.asked == 1

    async def test_who_is_refused_is_served_after_the_time_that_was_told(self, database: Database) -> None:
        clock = Clock()
        one = limiter(database, clock=clock)
        *_, refused = await spend(one, QUOTA + 1)
        assert refused.is_over
        clock.now += refused.reset_s
        async with database.transaction() as tx:
            await tx.exec_driver_sql(f"update rate_bucket set full_at = full_at - interval '{refused.reset_s} s'")
        assert passed(await spend(one, 1)) == 1

    async def test_who_has_not_been_seen_for_longest_is_forgotten_first(self, database: CountedDatabase) -> None:
        one = Limiter(database=database, policies=dict.fromkeys(RateClass, POLICY), most_leases=2, clock=Clock())
        for subject in ("key:a", "key:b", "key:a", "key:c"):
            await spend(one, 1, subject)
        assert [one.held(f"key:{name}", RateClass.READ) > 0 for name in "abc"] == [True, False, True]


class TestOutage:
    async def test_the_gate_stays_half_open(self, away: CountedDatabase) -> None:
        clock = Clock()
        one = limiter(away, clock=clock)
        assert passed(await spend(one, 500)) == BATCH
        clock.now += 3 * POLICY.each_s
        assert passed(await spend(one, 500)) == 3

    async def test_one_request_in_a_second_waits_for_the_database_and_no_other(self, away: CountedDatabase) -> None:
        clock = Clock()
        one = limiter(away, clock=clock)
        for number in range(50):
            await spend(one, 1, f"key:{number}")
        assert away.asked == 1
        clock.now += 2
        await spend(one, 2, "key:new")
        assert away.asked == 2

    async def test_the_count_is_shared_again_when_the_database_is_back(
        self, away: CountedDatabase, database: Database
    ) -> None:
        clock = Clock()
        one = limiter(away, clock=clock)
        await spend(one, 2)
        one._database = database
        clock.now += 2
        assert passed(await spend(one, 2 * QUOTA)) == QUOTA


class TestClasses:
    @pytest.mark.parametrize(
        ("method", "path", "expected"),
        [
            ("GET", "/v1/jobs", RateClass.READ),
            ("HEAD", "/v1/blobs/0", RateClass.READ),
            ("PUT", "/v1/blobs/0", RateClass.UPLOAD),
            ("POST", "/v1/blobs/lacking", RateClass.UPLOAD),
            ("POST", "/v1/blobs:batch", RateClass.UPLOAD),
            ("POST", "/v1/uploads/0:complete", RateClass.UPLOAD),
            ("POST", "/v1/jobs", RateClass.SUBMIT),
            ("POST", "/v1/jobs:import-openjd", RateClass.SUBMIT),
            ("POST", "/v1/jobs/x/clone", RateClass.SUBMIT),
            ("POST", "/v1/models", RateClass.SUBMIT),
            ("POST", "/v1/jobs/x/cancel", RateClass.WRITE),
            ("PATCH", "/v1/jobs/x", RateClass.WRITE),
            ("PUT", "/v1/me/password", RateClass.LOGIN),
            ("POST", "/v1/auth/login", RateClass.LOGIN),
            ("POST", "/v1/auth/refresh", RateClass.STRANGER),
        ],
    )
    def test_requests_that_cost_alike_are_one(self, method: str, path: str, expected: RateClass) -> None:
        assert class_of(method, path) is expected

    def test_the_documented_slack_is_the_one_that_is_tested(self) -> None:
        assert "n × (batch - 1)" in (inspect.getdoc(inspect.getmodule(Limiter)) or "")
