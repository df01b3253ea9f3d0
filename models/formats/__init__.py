"""Readers of model files that check the header before they allocate anything."""
