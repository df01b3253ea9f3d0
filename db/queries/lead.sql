-- Take or keep the lead. The same holder keeps its epoch; whoever takes over gets a new one.
insert into leader (role, cluster_id, holder, epoch, expires_at)
values (:role, :cluster_id, :holder, nextval('leader_epoch'), now() + cast(:ttl as interval))
on conflict (role, cluster_id) do update set
    holder = excluded.holder,
    epoch = case when leader.holder = excluded.holder then leader.epoch else excluded.epoch end,
    expires_at = excluded.expires_at
where leader.holder = excluded.holder or leader.expires_at < now()
returning epoch
