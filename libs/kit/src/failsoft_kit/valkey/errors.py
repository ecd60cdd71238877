"""What can go wrong with Valkey, as those see it who ask."""


class ValkeyAway(Exception):
    """Valkey cannot be used now; nobody waited longer than its limit to learn it."""
