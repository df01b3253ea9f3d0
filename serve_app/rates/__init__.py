"""How often whom the API serves: policies, the buckets behind them, and what answers say of them."""
