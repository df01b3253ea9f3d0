"""A restart of workers loses no frame, renders none twice, and leaves the machine enabled for those that follow."""

from __future__ import annotations

from db.workers import restart_node
from jobs.states import JobState
from tests.cluster.in_process import InProcessFarm


async def test_a_machine_is_restarted_in_the_middle_of_a_job(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    old = farm.start_replica()
    job_id = await farm.submit(frames="1-8", settings={"render_ms": 200})
    await farm.until(lambda: farm.rows("select 1 from frame_result"))
    async with farm.database.transaction() as tx:
        told = await restart_node(
            tx, cluster_id=farm.settings.id, name=old.identity.node, reason="A new driver was installed."
        )
    assert told == 1
    gone = "select drain_reason from replica where id = :id and state = 'gone'"
    [row] = await farm.until(lambda: farm.rows(gone, id=old.identity.id))
    assert row.drain_reason == "A new driver was installed."
    farm.start_replica()  # what Serve does, whose health check finds that the old one has left
    job = await farm.ended(job_id)
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 8)
    assert [tuple(each) for each in await farm.rows("select outcome, count(*) from attempt group by 1")] == [("ok", 8)]
