-- Where the next committed frames are; most results are, so the primary key leads to them.
select ordinal from frame_result
where job_id = :job_id and ordinal >= :first and state = 'committed'
order by ordinal limit :limit
