select name from pool where cluster_id = :cluster_id
union
select pool from replica where cluster_id = :cluster_id and state <> 'gone'
order by 1
