"""The front door: the REST API over the farm's database and storage."""
