-- Candidates only: each is looked at again under its locks.
select id, job_id, kind, leased_until from work
where state in ('leased', 'rendering') and leased_until < now()
  and (leased_until, id) > (cast(:after as timestamptz), :after_id)
order by leased_until, id
limit :limit
