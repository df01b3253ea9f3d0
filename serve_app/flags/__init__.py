"""Switches of single features."""
