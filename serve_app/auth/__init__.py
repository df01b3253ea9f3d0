"""Logging in: passwords, access tokens, sessions."""
