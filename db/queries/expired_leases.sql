-- Candidates only: each is looked at again under its locks.
select id, job_id, kind from work
where state in ('leased', 'rendering') and leased_until < now()
order by leased_until, id
limit :limit
