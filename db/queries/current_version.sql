select version from price_list where valid_from <= now() order by valid_from desc limit 1
