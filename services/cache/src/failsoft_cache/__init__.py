"""Keeps whole answers, and says how old they are."""
