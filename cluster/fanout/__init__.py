"""The CPU side of a render: rows of the queue that Ray tasks execute (probe, preview, video)."""
