-- A lease, or a plan, that a crash of the database forgets is made again; a result never is.
set local synchronous_commit = off
