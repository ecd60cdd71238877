"""One request and its reply, as a handler sees them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from failsoft_kit.http.connection import CONNECTION
from failsoft_kit.http.errors import BodyLate, BodyTooLarge

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

    from failsoft_kit.http.connection import Connection

Headers = Iterable[tuple[str, str]]

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole reply. Names of headers are in lower case; length, date and id are added."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Request:
    """What the client sent."""

    __slots__ = (
        "_connection",
        "_ends",
        "_most",
        "_receive",
        "_within",
        "below",
        "headers",
        "pairs",
    )

    def __init__(
        self,
        scope: "HTTPScope",
        receive: "ASGIReceiveCallable",
        *,
        below: str,
        most: int,
        within: float,
    ) -> None:
        """
        Args:
            below: What the path has after the part that its route names.
            most: Bytes that a body may have.
            within: Seconds that a body may take.
        """
        self.pairs: tuple[tuple[str, str], ...] = tuple(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        )
        """Every header as it came, its name in lower case."""
        self.headers: Mapping[str, str] = dict(self.pairs)
        """Of one that came more than once, the last."""
        self.below = below
        self._receive = receive
        self._most = most
        self._within = within
        self._connection: Connection = scope["state"][CONNECTION]
        self._ends: Callable[[], object] | None = None

    def when_gone(self, ends: Callable[[], object]) -> None:
        """Call `ends` when the client goes away, until `is_over`."""
        self._ends = self._connection.when_lost = ends

    def is_over(self) -> None:
        """The client may go. The next request of its connection may have begun, and stays."""
        if self._connection.when_lost is self._ends:
            self._connection.when_lost = None

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            BodyTooLarge: It is longer than is read.
            BodyLate: It did not come in time.
            CancelledError: The client is gone.
        """
        length = self.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._within):
                while (part := await self._next()) is not None:
                    chunk, more = part
                    size += len(chunk)
                    if size > self._most:
                        raise self._too_large()
                    if not more and not chunks:
                        return chunk
                    chunks.append(chunk)
                    if not more:
                        return b"".join(chunks)
        except TimeoutError:
            raise BodyLate(f"the body took longer than {self._within:g} s") from None
        raise asyncio.CancelledError

    async def _next(self) -> tuple[bytes, bool] | None:
        """The next piece of the body, and whether more is to come; None: the client is gone."""
        message = await self._receive()
        if message["type"] != "http.request":
            return None
        return message["body"], message["more_body"]

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"the body is longer than {self._most} bytes")


class Response:
    """What the client is sent: `reply` once, or `begin`, `write` as often as there is something,
    and `end`."""

    __slots__ = ("_always", "_connection", "_send", "status")

    def __init__(self, scope: "HTTPScope", send: "ASGISendCallable", *, always: Headers) -> None:
        """
        Args:
            always: Headers of every reply.
        """
        self._send = send
        self._always = [(name.encode("ascii"), value.encode("latin-1")) for name, value in always]
        self._connection: Connection = scope["state"][CONNECTION]
        self.status: int | None = None
        """None: nothing has been sent."""

    @property
    def stuck(self) -> bool:
        """The client does not read, so there is no way to tell it more."""
        return self._connection.stuck

    def abort(self) -> None:
        """Break the connection off."""
        self._connection.abort()

    async def reply(self, reply: Reply) -> None:
        """Send all of it."""
        length = ("content-length", str(len(reply.body)))
        headers = (("content-type", reply.content_type), length, *reply.headers)
        await self.begin(reply.status, headers)
        await self.end(reply.body)

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the status and the headers."""
        self.status = status
        named = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
        if self._connection.expects_body:
            named.append((b"connection", b"close"))
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*named, *self._always],
                "trailers": False,
            }
        )

    async def write(self, data: bytes) -> None:
        """Send the next piece of the body; waits while the client does not read."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})
