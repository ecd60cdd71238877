"""In which portions an answer is given to a parser of tool calls.

A parser reads all of a call anew each time, on our event loop: after each token of a long one,
that would take most of it. So it looks after each token as long as there is little to read, and
then each time that the answer has grown by a part of itself: what all looks together cost grows
as the answer does, and no longer as its square.
"""

from collections.abc import Sequence

_TOKEN_BY_TOKEN = 4096
"""Characters of an answer up to which each token is a portion."""
_PART = 128
"""After that a portion is this part of the answer before it; 256 characters of 32 KiB."""


class Portions:
    """One answer's. `text` and `tokens` are what was given to nobody yet."""

    def __init__(self) -> None:
        self.text = ""
        self.tokens: list[int] = []
        self._read = 0

    def add(self, token: int, text: str) -> None:
        """The answer goes on with that."""
        self.tokens.append(token)
        self.text += text

    @property
    def due(self) -> bool:
        """Whether it is time for a look."""
        return self._read < _TOKEN_BY_TOKEN or len(self.text) * _PART >= self._read

    def take(self) -> tuple[str, Sequence[int]]:
        """The portion, which may be empty; the next one begins."""
        taken = self.text, self.tokens
        self._read += len(self.text)
        self.text, self.tokens = "", []
        return taken
