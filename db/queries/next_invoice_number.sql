-- Held until the document is committed, so that numbers have no gaps and follow one another in time.
insert into invoice_counter as counter (id, last) values (1, 1)
on conflict (id) do update set last = counter.last + 1
returning last
