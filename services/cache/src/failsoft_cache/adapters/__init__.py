"""Valkey, and the file that the master secret is in."""
