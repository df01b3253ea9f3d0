-- Skipped frames leave the chunks that nobody has claimed; an empty one is done.
with kept as (
    select work.id, array(
        select ordinal from unnest(work.ordinals) with ordinality as held (ordinal, place)
        where ordinal <> all(cast(:ordinals as integer[])) order by place
    ) as ordinals
    from work where work.id = any(cast(:work_ids as bigint[])) and work.state = 'queued'
)
update work set
    ordinals = kept.ordinals,
    state = case when cardinality(kept.ordinals) = 0 then 'done' else work.state end,
    assigned_to = case when cardinality(kept.ordinals) > 0 then work.assigned_to end,
    updated_at = now()
from kept where work.id = kept.id and cardinality(kept.ordinals) < cardinality(work.ordinals)
