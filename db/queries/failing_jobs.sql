-- Jobs of all projects with frames that failed for good: those that go on, and those that ended lately (by the indexes of
-- live and of ended jobs). The most failures first.
with failing as (
    select * from job where state not in ('succeeded', 'failed', 'canceled') and failed > 0
    union all
    select * from job where ended_at > now() - cast(:ended_within as interval) and state <> 'canceled' and failed > 0
)
select failing.id, failing.name, project.slug as project, failing.priority_rank, failing.state,
       failing.wait_reason as reason, failing.created_at, failing.total, failing.failed,
       failing.total - failing.committed - failing.reused - failing.failed - failing.canceled - failing.skipped as frames
from failing join project on project.id = failing.project_id
order by failing.failed desc, failing.created_at desc, failing.id
limit :limit
