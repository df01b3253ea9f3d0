"""What still works for a Ray cluster: the question before a batch farm is taken away."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from pydantic import SecretStr

from db.batch import WorkLeft, database_identity, work_left
from db.dispatch import DISPATCHER_ROLE, lead
from db.embedded import EmbeddedPostgres
from db.session import Database
from db.settings import DatabaseSettings
from tests.db.builders import CLUSTER, Farm


async def test_nothing_works_where_nothing_was_asked_for(farm: Farm) -> None:
    assert await work_left(farm.db, cluster_id=CLUSTER) == WorkLeft(leads=False, leased=0, jobs=0)


async def test_a_job_that_nobody_else_would_go_on_with_counts_before_anything_is_leased(farm: Farm) -> None:
    await farm.submit()
    await farm.lead()
    left = await work_left(farm.db, cluster_id=CLUSTER)
    assert (left.leads, left.leased, left.jobs, left.is_none) == (True, 0, 1, False)


async def test_a_job_that_another_clusters_dispatcher_goes_on_with_does_not(farm: Farm) -> None:
    await farm.submit()
    ttl = timedelta(minutes=1)
    await lead(farm.db, role=DISPATCHER_ROLE, cluster_id="elsewhere", holder=uuid4(), ttl=ttl)
    assert (await work_left(farm.db, cluster_id=CLUSTER)).is_none
    await farm.execute("update leader set expires_at = now() - interval '1 second'")
    assert (await work_left(farm.db, cluster_id=CLUSTER)).jobs == 1


async def test_leased_work_counts_whoever_leads(farm: Farm) -> None:
    job_id = await farm.start(frames="1-4")
    replica = await farm.replica()
    await farm.rendering(job_id, replica, frames=4)
    ttl = timedelta(minutes=1)
    await lead(farm.db, role=DISPATCHER_ROLE, cluster_id="elsewhere", holder=uuid4(), ttl=ttl)
    left = await work_left(farm.db, cluster_id=CLUSTER)
    assert (left.leased > 0, left.jobs, left.is_none) == (True, 0, False)
    assert (await work_left(farm.db, cluster_id="elsewhere")).leased == 0


async def test_a_paused_job_needs_no_farm(farm: Farm) -> None:
    job_id = await farm.submit()
    await farm.change(job_id, "pause")
    assert (await work_left(farm.db, cluster_id=CLUSTER)).is_none


async def test_two_databases_of_one_server_are_two(farm: Farm, postgres: EmbeddedPostgres) -> None:
    elsewhere = Database(DatabaseSettings(url=SecretStr(postgres.url_for("template1"))))
    try:
        here = await database_identity(farm.db)
        assert here == await database_identity(farm.db)
        assert here != await database_identity(elsewhere)
    finally:
        await elsewhere.close()
