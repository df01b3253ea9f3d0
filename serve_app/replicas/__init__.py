"""The replicas of the farm and what they do."""
