"""Prices, usage, budgets, credits and quotas."""
