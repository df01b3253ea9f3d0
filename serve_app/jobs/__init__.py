"""Jobs: submit, list, follow, cancel, and look into their frames."""
