"""Where a project has its events told: endpoints, their secrets, and the log of deliveries."""
