-- None where it would begin in the past: what was used until now has its price.
with made as (
    insert into price_list (currency, valid_from, note, created_by)
    select :currency, coalesce(cast(:valid_from as timestamptz), clock_timestamp()), :note, :created_by
    where coalesce(cast(:valid_from as timestamptz) >= clock_timestamp(), true)
    returning version
)
insert into price (version, pool, gpu_second, cpu_second, byte_month, byte_sent)
select made.version, item.pool, item.gpu_second, item.cpu_second, item.byte_month, item.byte_sent
from made cross join jsonb_to_recordset(cast(:prices as jsonb)) as item (
    pool text, gpu_second numeric, cpu_second numeric, byte_month numeric, byte_sent numeric
)
returning version
