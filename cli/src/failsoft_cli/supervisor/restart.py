"""What follows when a service has died by itself.

One that was well before is started again, later each time. One that never was, or that says
itself that its configuration is wrong, would only die again.
"""

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
RECOVERED_AFTER = 60.0
"""Seconds of being ready after which earlier deaths are forgotten."""

_REFUSED = 2


def delay_before(restart: int) -> float:
    """Seconds to wait before the first (1), second, … restart in a row."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(restart - 1, 10))


def is_hopeless(code: int, *, was_ever_ready: bool) -> bool:
    """Whether a service that ended with this exit code is not worth starting again."""
    return code == _REFUSED or not was_ever_ready
