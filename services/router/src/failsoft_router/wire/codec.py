"""What a provider's dialect gives to the transport that carries its bytes.

A provider is a codec, which is pure, and `adapters/http_target.py`, which is the same for
all of them: one POST, answered by an event stream.

    Codec.encode    request  -> path and body of the POST
    Codec.headers   key      -> headers of its own
    Codec.reader    request  -> an `AnswerReader` for the payloads of one stream
    Codec.refusal   status, headers, body of any reply but 200 -> `AttemptFailed`
    Codec.dropped   request  -> what of it the dialect cannot carry

A codec knows the target's own model id from its start, and keeps nothing of a call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from failsoft_model.chat import ChatRequest
from failsoft_model.events import Delta
from failsoft_router.ports import AttemptFailed, Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One call as the provider wants it.

    Attributes:
        path: Behind the target's base URL, with its query; begins with a slash.
        body: JSON.
    """

    path: str
    body: bytes


class AnswerReader(Protocol):
    """Turns the payloads of one event stream into deltas, and remembers what the end needs."""

    @property
    def finished(self) -> bool:
        """A finish reason came; what may follow is worth a moment's wait at most."""
        ...

    @property
    def complete(self) -> bool:
        """Nothing more is worth waiting for."""
        ...

    def read(self, payload: bytes) -> None:
        """Take one payload.

        Raises:
            AttemptFailed: It is none of the dialect's, says that the answer failed, or is
                more than an answer may have.
        """
        ...

    def content(self) -> Sequence[Delta]:
        """What the payloads since the last time say; the pieces of one block are one."""
        ...

    def ending(self, *, dropped_parameters: tuple[str, ...] = ()) -> Ending:
        """What the stream said of itself, after its body ended cleanly.

        Args:
            dropped_parameters: Field paths that the request could not carry.

        Raises:
            AttemptFailed: The answer is not whole.
        """
        ...


class Codec(Protocol):
    """One provider's dialect, for one model."""

    @property
    def api(self) -> str:
        """What the endpoint has to lead to, for people: "an OpenAI-compatible API"."""
        ...

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Headers of its own; content type and the like are the transport's.

        Args:
            key: The credential; None: there is none.
        """
        ...

    def encode(self, request: ChatRequest) -> Post:
        """The call, streamed, with usage."""
        ...

    def dropped(self, request: ChatRequest) -> tuple[str, ...]:
        """Field paths of the request that the dialect cannot carry, or not as a whole."""
        ...

    def reader(self, request: ChatRequest) -> AnswerReader:
        """For the answer to this request."""
        ...

    def refusal(
        self, status: int, headers: Mapping[str, str], body: bytes, *, unix: float
    ) -> AttemptFailed:
        """The failure that a reply with another status than 200 stands for.

        Args:
            headers: Names in lower case.
            body: At most the first 64 KiB of it.
            unix: Seconds since the epoch, for a hint that is a date.
        """
        ...
