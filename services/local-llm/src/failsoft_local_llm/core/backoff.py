"""How long to wait before a dead engine is started again."""

FIRST_SECONDS = 0.25
LONGEST_SECONDS = 30.0
FORGIVEN_AFTER_SECONDS = 60.0
"""An engine that served this long starts with a clean slate when it dies."""


def delay(failures: int) -> float:
    """Seconds to wait before the next start.

    Args:
        failures: Starts and runs that have failed in a row, the last one included; at least 1.
    """
    return float(min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 16)))


def failures_after(failures: int, *, served_seconds: float) -> int:
    """The failures in a row, now that an engine has died after serving that long."""
    return 1 if served_seconds >= FORGIVEN_AFTER_SECONDS else failures + 1
