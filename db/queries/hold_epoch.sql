-- Until this transaction ends nobody can take over, so its writes are those of the leader.
select 1 from leader where epoch = :epoch for share
