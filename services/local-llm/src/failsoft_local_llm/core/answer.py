"""The text of one answer, from the bytes that the engine's tokens stand for.

A character may be spread over several tokens (an emoji often is), and a stop string over many.
What leaves here is whole characters and no part of a stop string.
"""

import codecs
from collections.abc import Sequence

from failsoft_local_llm.core.stop import StopScanner


class AnswerText:
    """Turns one answer's bytes into its text, piece by piece."""

    def __init__(self, stops: Sequence[str]) -> None:
        """
        Args:
            stops: The caller's stop strings, none of them empty.
        """
        self._characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._scanner = StopScanner(stops)

    @property
    def stopped(self) -> bool:
        """Whether a stop string has come: nothing more is wanted of the engine."""
        return self._scanner.hit

    def feed(self, data: bytes) -> str:
        """The text that is certain after these bytes; may be empty.

        Bytes that cannot become a character are shown as U+FFFD.
        """
        return self._scanner.feed(self._characters.decode(data))

    def finish(self) -> str:
        """The rest of the text when the engine has ended; half a character is dropped."""
        return self._scanner.flush()
