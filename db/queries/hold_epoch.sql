-- Until this transaction ends nobody can take over, so its writes are those of the leader; and it may not stand still.
select set_config('idle_in_transaction_session_timeout', :longest_pause_ms, true) from leader where epoch = :epoch
for share
