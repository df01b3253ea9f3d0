"""One machine as a whole farm: a supervisor that owns an embedded PostgreSQL and a Ray cluster of its own."""
