-- Counted licences, with how many there are, and the pools that are known.
select 'licence' as kind, name, capacity from licence
union all
select 'pool', name, null from pool where cluster_id = :cluster_id
