"""Logging in at an identity provider (OpenID Connect)."""
