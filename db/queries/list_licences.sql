select name, capacity from licence order by name
