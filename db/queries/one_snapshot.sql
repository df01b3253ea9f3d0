-- Every statement of this transaction sees the same; must be its first.
set transaction isolation level repeatable read, read only
