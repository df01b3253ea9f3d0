select exists (select from replica where state <> 'gone') and not exists (select from accepting_replica)
