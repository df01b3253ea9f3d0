"""Counted licences that running chunks share."""
