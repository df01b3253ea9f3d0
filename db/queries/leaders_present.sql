-- Which of these roles somebody holds, in any cluster.
select distinct role from leader where role = any(cast(:roles as text[])) and expires_at > now()
