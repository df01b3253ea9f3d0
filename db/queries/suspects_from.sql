-- Where the next suspects are: frames with a flag of their newest generation.
select distinct flag.ordinal from frame_flag as flag
where flag.job_id = :job_id and flag.ordinal >= :first
  and flag.generation = (
      select max(look.generation) from frame_look as look
      where look.job_id = flag.job_id and look.ordinal = flag.ordinal
  )
order by flag.ordinal limit :limit
