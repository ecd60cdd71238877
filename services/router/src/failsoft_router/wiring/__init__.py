"""Builds the router from its settings: the one place where all parts meet."""
