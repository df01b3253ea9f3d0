-- A sweep goes on with other rows where somebody sits on one.
set local lock_timeout = '1s'
