lock table price_list in share row exclusive mode
