"""The router's front doors."""
