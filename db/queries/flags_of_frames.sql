-- Of the frames' newest generation: a frame that was rendered again is judged anew.
select flag.ordinal, flag.flag, flag.detail from frame_flag as flag
where flag.job_id = :job_id and flag.ordinal = any(cast(:ordinals as integer[]))
  and flag.generation = (
      select max(look.generation) from frame_look as look
      where look.job_id = flag.job_id and look.ordinal = flag.ordinal
  )
order by flag.ordinal, flag.flag
