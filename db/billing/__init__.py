"""What projects use and pay: prices, the ledger's reports, budgets, credits, quotas, and their upkeep."""
