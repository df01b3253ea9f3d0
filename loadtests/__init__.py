"""Benches of the whole farm: each prints its figures against the goals in ``budgets.toml``."""
