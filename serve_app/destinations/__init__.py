"""Where a project has its files delivered: buckets of its own."""
