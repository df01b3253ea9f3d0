-- Events behind a place, as far as none older can still be committed.
select event.id, cast(event.xid as text) as xid, event.project_id, event.job_id, event.model_id, event.seq, event.kind,
       event.data, event.at
from event
where (event.xid, event.id) > (cast(cast(:xid as text) as xid8), :id)
  and event.xid < cast(cast(:horizon as text) as xid8)
  --project and event.project_id = :project_id
  and (cast(:kinds as text[]) is null or event.kind = any(cast(:kinds as text[])))
order by event.xid, event.id limit :limit
