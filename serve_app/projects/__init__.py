"""Projects, and their shares of the farm."""
