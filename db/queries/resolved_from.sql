-- Where the next frames with another last outcome are: a stretch of an index of their own, however many are committed.
select ordinal from frame_result as result
where job_id = :job_id and ordinal >= :first and state = :state and state <> 'committed'
  and not exists (
          select from frame_result as later
          where later.job_id = result.job_id and later.ordinal = result.ordinal
            and later.generation > result.generation
      )
order by ordinal limit :limit
