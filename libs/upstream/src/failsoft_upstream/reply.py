"""A reply as a list of steps on the wire, and what a dialect gives to make one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from failsoft_upstream.faults import ErrorKind, FinishReason


@dataclass(frozen=True, slots=True)
class Write:
    """Send these bytes at once; `tokens` of them are text of the answer."""

    data: bytes
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing for `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SendHeaders:
    """Send the headers now; otherwise they go with the first write."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Send nothing for ever, and don't close either."""


@dataclass(frozen=True, slots=True)
class Forever:
    """Send `make(0)`, `make(1)` and so on, as fast as the caller reads; none may be empty."""

    make: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Abort:
    """Reset the connection."""


Step = Write | Pause | SendHeaders | Silence | Forever | Abort


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the caller gets to see.

    Attributes:
        status: Of the HTTP response.
        headers: Of the HTTP response; names in lower case.
        steps: In order; after the last one the body ends cleanly.
        streamed: False: pauses, then one body of known length.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    streamed: bool = False


class Encoder(Protocol):
    """Writes one answer in a provider's format, streamed or whole, piece by piece."""

    @property
    def content_type(self) -> str:
        """Of the reply."""
        ...

    @property
    def streams(self) -> bool:
        """False: the pieces make one document, which is worth nothing until it is whole."""
        ...

    def opening(self) -> bytes:
        """What comes before the first text."""
        ...

    def content(self, text: str) -> bytes:
        """A piece of text."""
        ...

    def finish(self, reason: FinishReason, *, tokens: int) -> bytes:
        """Why the answer ended, and its usage: `tokens` were said."""
        ...

    def end(self) -> bytes:
        """The mark after which nothing comes; empty where the format has none."""
        ...

    def keep_alive(self) -> bytes:
        """What may be sent at any time before the opening and says nothing."""
        ...

    def blank(self) -> bytes:
        """A piece with an empty text; empty where the format has none."""
        ...

    def tool_call(self, number: int) -> bytes:
        """The beginning of the tool call of that number; blank space in a whole document."""
        ...

    def broken(self) -> bytes:
        """A piece that is not JSON."""
        ...

    def nested(self, depth: int) -> bytes:
        """A piece whose JSON is that many levels deep."""
        ...

    def error(self, kind: ErrorKind) -> bytes:
        """An error inside a reply that began well."""
        ...


class Errors(Protocol):
    """A provider's own error bodies."""

    def of_kind(self, kind: ErrorKind, *, model: str) -> tuple[int, bytes]:
        """Status and JSON body of the error."""
        ...

    def of_status(self, status: int, *, model: str) -> bytes:
        """The JSON body that usually comes with the status."""
        ...

    def begun_turn(self) -> bytes:
        """The JSON body of the 400 for a conversation that the assistant ends."""
        ...

    def reset(self, seconds: float, now: datetime) -> Mapping[str, str]:
        """The headers that count requests, when none are left for so many seconds.

        Args:
            now: With a time zone.
        """
        ...
