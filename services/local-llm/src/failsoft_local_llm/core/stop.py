"""Stop strings in a text that arrives in pieces, wherever the pieces were cut.

The answer ends before the stop string that is complete first; of two that are complete at the same
character, before the longer one.
So the answer depends on the text alone and never on how the engine happened to cut it.

    feed --no stop string complete--> the text that can be part of none
    feed --one complete--> the text before it; `hit` from now on, further pieces are ignored
    flush --the engine has ended--> what was held back, for it came to nothing
"""

from collections.abc import Sequence


class StopScanner:
    """Watches one answer for the caller's stop strings."""

    def __init__(self, stops: Sequence[str]) -> None:
        """
        Args:
            stops: Strings that end the answer, none of them empty; may be none at all.
        """
        self._stops = tuple(stops)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self._hit = False

    @property
    def hit(self) -> bool:
        """Whether a stop string has come: the answer is over."""
        return self._hit

    def feed(self, piece: str) -> str:
        """The part of the answer that is certain after this piece; may be empty."""
        if self._hit:
            return ""
        text = self._held + piece
        cut = self._first_stop(text)
        if cut is not None:
            self._hit, self._held = True, ""
            return text[:cut]
        certain = len(text) - self._held_characters(text)
        self._held = text[certain:]
        return text[:certain]

    def flush(self) -> str:
        """What was held back as the possible start of a stop string; empty after a hit."""
        held, self._held = self._held, ""
        return held

    def _first_stop(self, text: str) -> int | None:
        """Where the stop string begins that is complete first; None: there is none."""
        found = [
            (start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0
        ]
        return min(found)[1] if found else None

    def _held_characters(self, text: str) -> int:
        """Length of the longest end of the text that a stop string begins with."""
        for length in range(min(self._longest - 1, len(text)), 0, -1):
            end = text[-length:]
            if any(stop.startswith(end) for stop in self._stops):
                return length
        return 0
