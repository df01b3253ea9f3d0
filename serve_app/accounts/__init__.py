"""Accounts of people, for the farm's administrators."""
