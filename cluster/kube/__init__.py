"""KubeRay from the farm's side: what runs, how much of it, upgrades and drains that lose no frame."""
