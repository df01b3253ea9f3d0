"""The durable truth: jobs, the queue of work, results and events in PostgreSQL."""
