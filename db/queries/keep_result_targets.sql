with gone as (
    delete from result_target where cluster_id = :cluster_id and arn <> all(cast(:arns as text[]))
    returning 1
), new as (
    insert into result_target (cluster_id, arn) select :cluster_id, arn from unnest(cast(:arns as text[])) as given (arn)
    on conflict do nothing
    returning 1
)
select (select count(*) from gone) + (select count(*) from new) as changed
