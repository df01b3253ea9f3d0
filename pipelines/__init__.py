"""How pixels are made: pipelines, and the child processes that run their engines."""
