"""Tasks while storage or the database is away, and while a tick of their leader takes long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from ray.exceptions import RayTaskError
from sqlalchemy import text

from cluster.fanout.news import Hear
from cluster.fanout.runner import TaskRunner
from db.dispatch import ClaimedTask, lead
from db.errors import DatabaseUnavailable
from db.repositories.jobs import JobRow
from db.session import Database, Transaction
from jobs.errors import RayfarmError, Unavailable
from jobs.states import JobState
from tests.cluster.in_process import InProcessFarm, InProcessLauncher

LEADER = uuid4()
OUTAGES = 5
"""More than a task has tries."""


def through_ray(error: Exception) -> Exception:
    """As the awaitable of a Ray task raises it."""
    return RayTaskError("_run", "Traceback", error, proctitle="task", pid=1, ip="127.0.0.1").as_instanceof_cause()


class Failing:
    """Raises ``error`` the first ``times`` times; then tasks run."""

    def __init__(self, error: Exception, *, times: int = OUTAGES) -> None:
        self._error = error
        self._left = times
        self._real = InProcessLauncher()

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        if self._left:
            self._left -= 1
            raise self._error
        await self._real.launch(tasks, hear)


class Hanging:
    """Tasks that run until the test ends."""

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        await asyncio.Event().wait()


class Flickering(Database):
    """Does not answer the next ``outages`` times."""

    outages = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if self.outages:
            self.outages -= 1
            raise DatabaseUnavailable
        async with super().transaction() as tx:
            yield tx


class FailingWithTheDatabase:
    """A task that breaks at the moment the database goes away."""

    def __init__(self, database: Flickering, error: Exception) -> None:
        self._database = database
        self._error = error
        self.launched = 0

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        self.launched += 1
        self._database.outages = OUTAGES
        raise self._error


async def test_a_storage_outage_longer_than_all_tries_costs_a_finished_job_nothing(farm: InProcessFarm) -> None:
    first = farm.start_dispatcher()
    farm.start_replica()
    model = await farm.model()
    await farm.kill(first)
    farm.launcher = Failing(through_ray(Unavailable("S3 bucket frames does not answer.")))
    farm.start_dispatcher()
    job_id = await farm.submit(model=model, frames="1-3", outputs={"video": {"fps": 12}, "previews": False})
    job = await farm.until(lambda: _ended_without_pauses(farm, job_id))
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 3)
    [film] = await farm.rows("select tries, worker_failures, error from work where task = 'video'")
    assert tuple(film) == (0, 0, None)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (through_ray(Unavailable("S3 does not answer.", remedy="Wait.")), "S3 does not answer. Wait."),
        (Unavailable("S3 does not answer."), "S3 does not answer."),
        (through_ray(ConnectionResetError("/srv/farm/secret")), "does not answer (ConnectionResetError)"),
    ],
)
async def test_a_model_whose_probe_meets_an_outage_waits_and_its_row_says_why(
    farm: InProcessFarm, error: Exception, shown: str
) -> None:
    farm.launcher = Failing(error)
    farm.start_dispatcher()
    model_id = await farm.register()
    [row] = await farm.until(
        lambda: farm.rows("select * from work where model_id = :id and state = 'queued' and fence > 0", id=model_id)
    )
    assert shown in row.error
    assert "/srv" not in row.error
    assert (row.tries, row.worker_failures) == (0, 0)
    assert row.not_before > row.updated_at
    await farm.until(lambda: _model_became(farm, model_id, "ready"))


@pytest.mark.parametrize("error", [RayfarmError("odd"), OSError("disk"), RuntimeError("bug")])
async def test_what_is_no_outage_spends_its_tries_and_ends(farm: InProcessFarm, error: Exception) -> None:
    farm.launcher = Failing(through_ray(error))
    farm.start_dispatcher()
    model_id = await farm.register()
    await farm.until(lambda: _model_became(farm, model_id, "invalid"))


@pytest.mark.parametrize(("error", "tries"), [(RuntimeError("bug"), 1), (Unavailable("S3 is away."), 0)])
async def test_a_task_that_breaks_while_the_database_is_away_goes_back_to_the_queue_afterwards(
    farm: InProcessFarm, error: Exception, tries: int
) -> None:
    farm.settings = farm.settings.model_copy(update={"retry_first": timedelta(milliseconds=1)})
    database = Flickering(farm.database_settings)
    launcher = FailingWithTheDatabase(database, error)
    runner = TaskRunner(database=database, settings=farm.settings, holder=uuid4(), launcher=launcher)
    try:
        model_id = await farm.register()
        assert await runner.tick(await _lead(farm)) == 1
        [row] = await farm.until(
            lambda: farm.rows("select * from work where model_id = :id and state = 'queued'", id=model_id)
        )
    finally:
        await runner.close()
        await database.close()
    assert (launcher.launched, database.outages) == (1, 0)
    assert (row.tries, row.worker_failures, row.fence) == (tries, 0, 2)


async def test_a_task_that_runs_is_renewed_however_long_a_tick_of_its_leader_takes_and_only_a_lost_one_is_rescued(
    farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.launcher = Hanging()
    farm.settings = farm.settings.model_copy(update={"task_lease": timedelta(seconds=1)})
    dispatcher = farm.start_dispatcher()
    running = await farm.register(b"running")
    await farm.until(lambda: farm.rows("select 1 from work where state = 'leased' and model_id = :id", id=running))

    async def never_ends(epoch: int) -> int:
        return await asyncio.Event().wait()

    monkeypatch.setattr(dispatcher, "_lead", never_ends)
    lost = await farm.register(b"lost")
    await _set(
        farm,
        "update work set state = 'leased', fence = fence + 1, replica_id = :id,"
        " leased_until = now() - interval '1 s' where model_id = :id",
        id=lost,
    )
    await farm.until(lambda: farm.rows("select 1 from work where model_id = :id and worker_failures = 1", id=lost))
    began = await farm.rows("select now() as at")
    await farm.until(
        lambda: farm.rows("select 1 where now() > cast(:at as timestamptz) + interval '2 s'", at=began[0].at)
    )
    [kept] = await farm.rows("select fence, worker_failures, state from work where model_id = :id", id=running)
    assert tuple(kept) == (1, 0, "leased")


async def test_leases_that_were_renewed_just_now_are_not_renewed_again(farm: InProcessFarm) -> None:
    runner = TaskRunner(database=farm.database, settings=farm.settings, holder=uuid4(), launcher=Hanging())
    try:
        await farm.register()
        await runner.tick(await _lead(farm))
        await runner.renew()
        await _set(farm, "update work set leased_until = '2100-01-01'")
        await runner.renew()
        await runner.tick(await _lead(farm))
        assert await farm.rows("select 1 from work where leased_until = '2100-01-01'")
    finally:
        await runner.close()


async def test_a_renewal_that_met_an_outage_is_made_up_for_at_once(farm: InProcessFarm) -> None:
    database = Flickering(farm.database_settings)
    runner = TaskRunner(database=database, settings=farm.settings, holder=uuid4(), launcher=Hanging())
    try:
        await farm.register()
        await runner.tick(await _lead(farm))
        await _set(farm, "update work set leased_until = now() - interval '1 s'")
        database.outages = 1
        with pytest.raises(DatabaseUnavailable):
            await runner.renew()
        await runner.renew()
        assert await farm.rows("select 1 from work where leased_until > now()")
    finally:
        await runner.close()
        await database.close()


async def _lead(farm: InProcessFarm) -> int:
    epoch = await lead(
        farm.database, role="dispatcher", cluster_id=farm.settings.id, holder=LEADER, ttl=timedelta(minutes=5)
    )
    assert epoch is not None
    return epoch


async def _set(farm: InProcessFarm, command: str, **values: Any) -> None:
    async with farm.database.transaction() as tx:
        await tx.execute(text(command), values)


async def _skip_pauses(farm: InProcessFarm) -> None:
    await _set(farm, "update work set not_before = now() where state = 'queued' and not_before > now()")


async def _ended_without_pauses(farm: InProcessFarm, job_id: UUID) -> JobRow | None:
    await _skip_pauses(farm)
    job = await farm.job(job_id)
    return job if job.ended_at is not None else None


async def _model_became(farm: InProcessFarm, model_id: UUID, state: str) -> bool:
    await _skip_pauses(farm)
    return bool(await farm.rows("select 1 from model where id = :id and state = :state", id=model_id, state=state))
