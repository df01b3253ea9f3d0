-- A job and a row of the queue say in which trace they are: `traceparent` of W3C Trace Context, version 00. Null: in none.
-- A constraint on the queue's rows would cost each claim; who writes them has the value from a span.

alter table job add column traceparent text check (traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
alter table work add column traceparent text;
