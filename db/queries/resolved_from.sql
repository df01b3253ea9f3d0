-- Where the next frames with another outcome are: a stretch of an index of their own, however many are committed.
select ordinal from frame_result
where job_id = :job_id and ordinal >= :first and state = :state and state <> 'committed'
order by ordinal limit :limit
