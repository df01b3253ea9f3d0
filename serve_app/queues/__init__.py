"""The farm's queue as its operator sees it."""
