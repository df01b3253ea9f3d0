"""What a caller may meet a limit in."""
