"""A job's files as one ZIP."""
