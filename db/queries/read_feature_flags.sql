-- One, or all of them.
select name, enabled, projects, percent, note, changed_by, changed_at,
       array(select slug from project where id = any(projects) order by slug) as slugs
from feature_flag where cast(:name as text) is null or name = :name order by name
