"""The failsoft command."""
