"""The audit log: what each request changed, and how it is read."""
