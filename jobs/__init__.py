"""The domain of the farm in pure Python: what a job is, and its rules."""
