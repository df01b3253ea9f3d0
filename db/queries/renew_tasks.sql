with mine as (
    select work.id, work.fence
    from work join unnest(cast(:work_ids as bigint[]), cast(:fences as integer[])) as held (work_id, fence)
      on held.work_id = work.id and held.fence = work.fence
    where work.state in ('leased', 'rendering')
    order by work.id
    for no key update of work
), renewed as (
    update work set leased_until = now() + cast(:lease as interval) from mine where work.id = mine.id
)
select id, fence from mine
