"""How the farm's own loops do."""
