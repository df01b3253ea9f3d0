"""What a person is written of."""
