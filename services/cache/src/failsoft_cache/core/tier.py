"""The two places where answers are kept."""

import enum


class Tier(enum.Enum):
    """Which of them did what was asked."""

    SHARED = "shared"
    """Valkey, for all replicas."""
    LOCAL = "local"
    """The replica's own memory, because the other one is away, or there is none."""
