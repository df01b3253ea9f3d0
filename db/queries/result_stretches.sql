-- Where the last outcome changes along the range: of each stretch of frames with the same one its first and its last frame
-- (one row where that is one frame). Reads along the primary key, and no further than the limit. Outcome and place stand in
-- one number, so that a frame goes on with its neighbour's where the numbers do: two comparisons instead of six.
with result as (
    select
        --again distinct on (ordinal)
        ordinal, state, generation
    from frame_result
    where job_id = :job_id and ordinal >= :first
    order by ordinal
        --again , generation desc
), numbered as (
    select ordinal, state, generation,
           (cast(generation as bigint) * 8
            + case state when 'committed' then 0 when 'reused' then 1 when 'failed' then 2 when 'skipped' then 3 else 4 end
           ) * 4294967296 + ordinal as place
    from result
), beside as (
    select ordinal, state, generation,
           coalesce(lag(place) over along = place - 1, false) as goes_on,
           coalesce(lead(place) over along = place + 1, false) as is_followed
    from numbered
    window along as (order by ordinal)
)
select ordinal, state, generation, is_followed from beside
where not (goes_on and is_followed)
order by ordinal limit :limit
