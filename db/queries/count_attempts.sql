-- How the attempts of replicas that are up ended, lately.
select count(*) as attempts, count(*) filter (where attempt.outcome <> 'ok') as failed
from replica
join attempt on attempt.replica_id = replica.id and attempt.ended_at >= now() - make_interval(mins => :minutes)
where replica.state <> 'gone'
