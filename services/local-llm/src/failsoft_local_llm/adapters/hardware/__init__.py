"""Reads what the machine has; decides nothing, and imports neither torch nor an engine."""
