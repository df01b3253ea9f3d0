"""What a leader does beside planning: each a small object that handles what is due at its ``tick``."""
