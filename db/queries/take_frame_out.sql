-- The frame leaves the chunk that held it; an empty chunk is done. A part keeps the name of its frame.
update work set
    ordinals = case when kind = 'chunk' then array_remove(ordinals, :ordinal) else ordinals end,
    state = case when kind <> 'chunk' then 'failed' when cardinality(ordinals) <= 1 then 'done' else state end,
    leased_until = case when cardinality(ordinals) > 1 then leased_until end,
    updated_at = now()
where id = :work_id
