"""How the farm does, for people and monitors."""
