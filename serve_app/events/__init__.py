"""The feed of a job as server-sent events."""
