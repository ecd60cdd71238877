"""Decisions of the service: pure, without clock, sockets or engine."""
