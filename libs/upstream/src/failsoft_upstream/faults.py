"""Every way in which the look-alike can fail, as values.

A fault says what the caller sees on the wire, never how it is brought about.
Where a fault counts contents (`after`), a content is one streamed chunk that
carries text; an answer with fewer contents than that fails after its last one,
still before its finish reason. A unary answer is written in the same pieces,
so that `after` means the same in both.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


class ErrorKind(enum.Enum):
    """Errors that providers really send; each dialect knows its own bodies for them."""

    INVALID_API_KEY = "invalid_api_key"
    FORBIDDEN = "forbidden"
    UNSUPPORTED_REGION = "unsupported_region"
    MODEL_NOT_FOUND = "model_not_found"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    CONTENT_FILTER = "content_filter"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"


class HintForm(enum.Enum):
    """How a provider says when to come back."""

    SECONDS = "seconds"  # Retry-After: 2
    DATE = "date"  # Retry-After: Wed, 21 Oct 2026 07:28:00 GMT
    MILLISECONDS = "ms"  # retry-after-ms: 1500
    RESET = "reset"  # the provider's own, such as x-ratelimit-reset-requests: 1.5s


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """Fails in nothing; as a per-request fault it overrides the target's state."""

    kind: ClassVar[str] = "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Answers with a bare status; a 2xx with a body gives any canned reply.

    Attributes:
        status: From 200 to 599.
        body: Sent as it is; None: the dialect's own error body for the status.
        headers: Added to the reply; they win over every other header.
        retry_after: Seconds until the caller should come back; None: no hint.
        form: How `retry_after` is written.
    """

    kind: ClassVar[str] = "status"
    status: int
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    form: HintForm = HintForm.SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderError:
    """Answers with the status and body that the provider has for this error.

    Attributes:
        error: What happened.
        headers: Added to the reply; they win over every other header.
        retry_after: Seconds until the caller should come back; None: no hint.
        form: How `retry_after` is written.
    """

    kind: ClassVar[str] = "error"
    error: ErrorKind
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    form: HintForm = HintForm.SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Refuses connections and closes those there are. For a whole target only.

    Attributes:
        seconds: How long; None: until it is told otherwise.
    """

    kind: ClassVar[str] = "refuse"
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Resets the connection (a TCP RST).

    Attributes:
        after: Contents sent before; None: not even the headers are sent.
    """

    kind: ClassVar[str] = "reset"
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """Accepts, reads the request, says nothing."""

    kind: ClassVar[str] = "hang"


class Cover(enum.Enum):
    """What a slow target sends while nothing is said."""

    SILENCE = "silence"  # not even the headers
    HEADERS = "headers"
    KEEP_ALIVES = "keep_alives"  # SSE comments or pings; line ends before a unary body
    ROLE = "role"  # a chunk that names the role and says nothing
    EMPTY_DELTAS = "empty_deltas"  # chunks with empty text; nothing in a unary body


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Says its first content late, then goes on as always.

    Attributes:
        seconds: Until the first content.
        cover: What is sent meanwhile.
        every: Seconds between two repeated covers.
    """

    kind: ClassVar[str] = "slow"
    seconds: float
    cover: Cover = Cover.SILENCE
    every: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Falls silent in the midst of an answer; the connection stays open.

    Attributes:
        after: Contents sent before.
        seconds: How long; None: for ever.
    """

    kind: ClassVar[str] = "stall"
    after: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Ends the body cleanly, as HTTP goes, but without a finish reason."""

    kind: ClassVar[str] = "cut"
    after: int


class Garble(enum.Enum):
    """In which way a chunk is not what it should be."""

    JSON = "json"
    UTF8 = "utf8"
    NESTED = "nested"  # JSON, ten thousand levels deep


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """Sends one chunk that cannot be read, then goes on as if nothing had happened."""

    kind: ClassVar[str] = "malformed"
    after: int = 0
    form: Garble = Garble.JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamError:
    """Sends an error object in a reply whose status is 200, then ends it.

    Attributes:
        after: Contents sent before; 0: the error is the first thing said. A
            unary body is the error object alone.
        error: What happened.
    """

    kind: ClassVar[str] = "stream_error"
    after: int = 0
    error: ErrorKind = ErrorKind.SERVER_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDone:
    """Leaves out what marks the end of a stream after its finish reason."""

    kind: ClassVar[str] = "no_done"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOpen:
    """Says its finish reason and then neither ends the body nor closes."""

    kind: ClassVar[str] = "left_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """A well-formed answer with a finish reason and no text."""

    kind: ClassVar[str] = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyBody:
    """Status 200 and not one byte of body."""

    kind: ClassVar[str] = "empty_body"


class FinishReason(enum.Enum):
    """Why an answer ended; each dialect has its own word for it."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Ends the answer with this finish reason.

    Attributes:
        reason: What it says.
        after: Contents sent before; None: all of them.
    """

    kind: ClassVar[str] = "finish"
    reason: FinishReason
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentType:
    """The right body under another content type."""

    kind: ClassVar[str] = "content_type"
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HugeLine:
    """One content so long that its line has at least `size` bytes, then goes on."""

    kind: ClassVar[str] = "huge_line"
    size: int
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The right body in writes of `size` bytes, wherever that cuts it."""

    kind: ClassVar[str] = "slice"
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """The right body, gzipped although nobody accepts that.

    Attributes:
        blank: Bytes of blank space before the answer, once it is unpacked; a bomb.
    """

    kind: ClassVar[str] = "compressed"
    blank: int = 0


class Filler(enum.Enum):
    """What a body without an end is made of."""

    KEEP_ALIVES = "keep_alives"
    EMPTY_DELTAS = "empty_deltas"
    LINE = "line"  # one line, of any letter
    TEXT = "text"
    TOOL_CALLS = "tool_calls"  # each with a number of its own; blank space in a unary body


@dataclass(frozen=True, slots=True, kw_only=True)
class Endless:
    """Never ends its body, and sends as fast as the caller reads.

    Attributes:
        filler: What is sent for ever.
        after: Contents sent before.
        status: Of the reply.
    """

    kind: ClassVar[str] = "endless"
    filler: Filler
    after: int = 0
    status: int = 200


class Resumption(enum.Enum):
    """How a target goes on with an answer that was begun."""

    ON = "on"  # exactly where it broke off
    OVER = "over"  # with all of it, from the beginning
    REPEAT = "repeat"  # with a run-up: the last words once more


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Goes on with an answer that was begun, by a turn of its own or one before the user's last.

    The answer is the one that it would have given itself; without a beginning, or with
    another's, it gives that.

    Attributes:
        how: What it says.
        begun: Takes a conversation that the assistant ends; False: it refuses one.
    """

    kind: ClassVar[str] = "resume"
    how: Resumption = Resumption.ON
    begun: bool = True


Fault = (
    Healthy
    | Status
    | ProviderError
    | Refuse
    | Reset
    | Hang
    | Slow
    | Stall
    | Cut
    | Malformed
    | StreamError
    | NoDone
    | LeftOpen
    | Empty
    | EmptyBody
    | Finish
    | ContentType
    | HugeLine
    | Slice
    | Compressed
    | Endless
    | Resume
)

HEALTHY = Healthy()
