select cluster_id from replica where node = :name and state <> 'gone' group by cluster_id
union
select cluster_id from node where name = :name
order by 1
