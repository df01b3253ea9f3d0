"""Models: registration, the probe's report, what is missing."""
