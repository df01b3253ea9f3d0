-- The frame leaves the chunk that held it; an empty chunk is done.
update work set
    ordinals = array_remove(ordinals, :ordinal),
    state = case when cardinality(ordinals) <= 1 then 'done' else state end,
    leased_until = case when cardinality(ordinals) > 1 then leased_until end,
    updated_at = now()
where id = :work_id
