"""What happens to engines, in the words of metrics."""

import enum


class EngineEvent(enum.Enum):
    """One thing that happens to an engine."""

    STARTED = "started"
    """It answers."""
    FAILED = "failed"
    """It could not be loaded."""
    DIED = "died"
    """It has answered, and does no more."""
    REPLACED = "replaced"
    """A better one answers in its place."""
    UNLOADED = "unloaded"
    """Nobody asked for it."""
    WOKEN = "woken"
    """Somebody asks for it again."""
