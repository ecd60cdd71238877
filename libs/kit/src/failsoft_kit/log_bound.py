"""Keeps lines of a kind from flooding the log: under an overload each call would be one.

The first ones of each while are written; the next one after that says how many were not. Whoever
needs them all asks the metrics, which count every call, or logs at `debug`.
"""

from collections.abc import Mapping

LINES = 20
"""Of one kind, in each while."""
SECONDS = 10.0
"""A while, from its first line on."""


class LogBound:
    """Of one place that logs. Not thread-safe: call it from one event loop.

    Kinds are kept for ever, so they must be few: statuses, not requests.
    """

    def __init__(self, *, all_of_them: bool = False) -> None:
        """
        Args:
            all_of_them: Every line is wanted, as at `debug`.
        """
        self._all_of_them = all_of_them
        self._kinds: dict[str, _While] = {}

    def line_of(self, kind: str | None, *, crashed: bool, now: float) -> Mapping[str, int] | None:
        """Whether a call that has ended gets a line; as `admit`, and a crash always has one.

        Args:
            kind: None: it was answered, which is worth a line only where all of them are wanted.
        """
        if self._all_of_them or crashed:
            return {}
        return None if kind is None else self.admit(kind, now=now)

    def admit(self, kind: str, *, now: float) -> Mapping[str, int] | None:
        """Whether a line of that kind is to be written now.

        Args:
            now: Seconds on one clock.

        Returns:
            What it says besides: `left_out`, where lines were since the last one; None: leave
            this one out, too.
        """
        current = self._kinds.get(kind)
        if current is None:
            current = self._kinds[kind] = _While(began=now)
        return current.admit(now)


class _While:
    """What was written of one kind lately."""

    __slots__ = ("_began", "_left_out", "_written")

    def __init__(self, *, began: float) -> None:
        self._began = began
        self._written = 0
        self._left_out = 0

    def admit(self, now: float) -> Mapping[str, int] | None:
        if now - self._began >= SECONDS:
            self._began, self._written = now, 0
        if self._written >= LINES:
            self._left_out += 1
            return None
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        return {"left_out": left_out} if left_out else {}
