"""When machines may render."""
