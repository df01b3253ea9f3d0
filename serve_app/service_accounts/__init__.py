"""Service accounts: who a program is."""
