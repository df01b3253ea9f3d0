"""What pipelines there are, and the JSON Schema of their settings."""
