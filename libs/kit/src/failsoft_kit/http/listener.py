"""One port that serves HTTP, as a service's wiring describes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from failsoft_kit.http.exchange import Reply
from failsoft_kit.http.routes import Route
from failsoft_kit.identity import Access
from failsoft_kit.rpc.channel import MAX_MESSAGE_BYTES
from failsoft_model.errors import FailsoftError


class ErrorForm(Protocol):
    """How the clients of a port are told about errors."""

    def whole(self, error: FailsoftError, *, request_id: str) -> Reply:
        """The reply to a request that was sent nothing yet."""

    def in_stream(self, error: FailsoftError, *, request_id: str) -> bytes:
        """The last piece of a body that has begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpListener:
    """One port and what is served on it."""

    address: str
    """`host:port`; port 0 for any free one."""
    setting: str
    """Where the operator wrote the address, for messages about it."""
    routes: Sequence[Route]
    errors: ErrorForm
    max_calls: int
    """Requests that may run at once; more are refused. Checks, and those that demand nothing,
    don't count."""
    spare_connections: int = 1000
    """Connections that are kept at once, beside those that `max_calls` may have."""
    max_body_bytes: int = MAX_MESSAGE_BYTES
    head_seconds: float = 10.0
    """How long a request's head may take; then its connection is closed."""
    body_seconds: float = 30.0
    """How long a body may take, whatever its size; then the request is refused."""
    unread_seconds: float = 60.0
    """How long a client may leave unread what it was sent; then its connection is closed."""
    takes_unknown_keys: bool = False
    """Where callers who show nothing are let in, those with a key that nobody knows are let in as
    the same: there are clients that cannot be made without a key."""
    trust_loopback: bool = True
    """False demands the token from this machine's callers too, as behind a local proxy; so do
    authorities."""

    @property
    def access(self) -> Mapping[str, Access]:
        """What each route demands, by its name."""
        return {route.name: route.access for route in self.routes}
