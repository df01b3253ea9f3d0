-- Under lock_delivery_names: two files of a job never get one path.
update delivery set
    path = case when exists (
        select from delivery as other
        where other.job_id = delivery.job_id and other.path = :path and other.id <> delivery.id
    ) then :marked else :path end
where id = :id
returning path
