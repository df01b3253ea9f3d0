with gone as (
    delete from event_target where cluster_id = :cluster_id and url <> all(cast(:urls as text[]))
    returning 1
), new as (
    insert into event_target (cluster_id, url) select :cluster_id, url from unnest(cast(:urls as text[])) as given (url)
    on conflict do nothing
    returning 1
)
select (select count(*) from gone) + (select count(*) from new) as changed
