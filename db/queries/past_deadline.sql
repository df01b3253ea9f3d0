-- Jobs that a deadline ends. One that only makes its outputs is left to end, one that is being canceled ends anyway.
select id from job
where state not in ('succeeded', 'failed', 'canceled', 'canceling', 'finishing')
  and least(start_before, finish_before) <= now()
  and (finish_before <= now() or (start_before <= now() and given_at is null))
  and id <> all(cast(:but_not as uuid[]))
order by least(start_before, finish_before), id
limit :limit
