"""How many requests are let in: those that are answered at once, and a bounded queue behind them.

A longer queue helps nobody: who stands at its end has gone before its turn comes, and the
router has other targets to ask.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from failsoft_model.errors import Overloaded
from failsoft_model.walk import Load

RETRY_SECONDS = 1.0
"""When a refused caller is told to come back: soon, for places come free one by one."""


class Admission:
    """Counts the requests that are inside. Not thread-safe: call it from one event loop."""

    def __init__(self, *, places: int) -> None:
        """
        Args:
            places: Requests that may be inside at once, waiting ones included; at least 1.
        """
        self._places = places
        self._inside = 0

    @contextmanager
    def place(self, load: Load) -> Iterator[None]:
        """A place for one request, for as long as the block lasts.

        Args:
            load: The engine's own; it may still hold requests whose callers have gone.

        Raises:
            Overloaded: there is none.
        """
        if max(self._inside, load.running + load.waiting) >= self._places:
            raise no_room(f"{self._places} requests are being answered or wait")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1


def no_room(why: str) -> Overloaded:
    """What a caller is told for whom there is no room now."""
    return Overloaded(f"the model has no room: {why}", retry_after=RETRY_SECONDS)
