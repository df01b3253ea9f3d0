"""A pipeline without a renderer: frames of a known cost, and faults on demand, for tests and load."""
