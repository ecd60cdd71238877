"""Valkey, for the services that keep something there; needs the extra `valkey`."""
