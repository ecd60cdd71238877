"""A clock that a test sets."""


class SettableClock:
    """A clock that stands still until it is told."""

    def __init__(self, time: float = 1000.0) -> None:
        self.time = time

    def now(self) -> float:
        return self.time

    def unix(self) -> float:
        return self.time
