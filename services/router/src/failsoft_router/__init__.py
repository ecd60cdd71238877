"""Holds provider priority and circuit state, and walks from one target to the next."""
