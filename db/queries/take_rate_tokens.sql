-- A token bucket kept as one time, that at which it will be full again (the theoretical arrival time of GCRA). What is
-- missing is bounded by a whole bucket: neither a clock that was set back nor a smaller quota locks anybody out for
-- longer than it takes to fill one.
insert into rate_bucket as bucket (subject, rate_class, full_at, granted)
values (:subject, :rate_class, now() + make_interval(secs => cast(:want as integer) * cast(:each_s as double precision)), :want)
on conflict (subject, rate_class) do update set
    granted = least(cast(:want as integer), floor(cast(:quota as integer) - least(cast(:quota as integer), greatest(0,
        extract(epoch from bucket.full_at - now()) / cast(:each_s as double precision)))))::integer,
    full_at = now() + make_interval(secs => cast(:each_s as double precision) * (
        least(cast(:quota as integer), greatest(0,
            extract(epoch from bucket.full_at - now()) / cast(:each_s as double precision)))
        + least(cast(:want as integer), floor(cast(:quota as integer) - least(cast(:quota as integer), greatest(0,
            extract(epoch from bucket.full_at - now()) / cast(:each_s as double precision)))))
    ))
returning granted, extract(epoch from full_at - now())::double precision as missing_s
