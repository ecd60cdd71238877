"""One HTTP/1.1 connection: uvicorn's, with the limits that it lacks.

    limit                                  what happens
    a request's head is over 64 KiB        431, and the connection is closed
    a head takes too long                  the connection is closed
    over 64 KiB without any body           as with a head: trailers, extensions of chunks
    bytes that are no HTTP                 400; none inside another request's reply
    over 8 requests wait for a reply       the connection is closed, without a word
    nothing that was sent is read, 60 s    the connection is closed
    there are too many connections         the longest idle one is closed; 503 where none is idle

When the service stops a connection is not closed under its client's next request: for a moment
that one is answered yet, and its reply says that it was the last.

A client that closes its side of the connection is taken for gone, also one that only meant to
say that it will send no more: the two cannot be told apart.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from failsoft_kit.http.crowd import Crowd
from failsoft_kit.http.head import is_sound

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

CONNECTION = "failsoft.connection"
"""Where a request's scope has its connection, within `state`."""

MAX_HEAD_BYTES = 64 * 1024
"""Read in chunks, so that a little more may pass."""

MAX_WAITING = 8
"""Requests of one connection behind the one that is answered; one packet has room for thousands,
each of which costs a hundred times its bytes."""

FAREWELL_SECONDS = 1.0
"""How long a client that was not told so is not taken by surprise by the end of its connection."""

_OFFER = frozenset({b"connection", b"upgrade", b"http2-settings"})
_EMPTY_AND_LAST = b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_BAD = b"HTTP/1.1 400 Bad Request" + _EMPTY_AND_LAST
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large" + _EMPTY_AND_LAST
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1" + _EMPTY_AND_LAST


class UnsoundHeadError(Exception):
    """Raised within the parser, which takes its caller's errors for bad requests."""


class TooManyWaitError(Exception):
    """Raised within the parser, so that it reads no further."""


class Connection(HttpToolsProtocol):
    """A connection whose requests are handed to an ASGI application one by one."""

    def __init__(
        self,
        config: "Config",
        server_state: "ServerState",
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        crowd: Crowd,
        head_seconds: float,
        unread_seconds: float,
    ) -> None:
        """
        Args:
            crowd: The connections of the same port.
            head_seconds: How long a request's head may take.
            unread_seconds: How long the client may leave unread what it was sent.
        """
        super().__init__(config, server_state, app_state, _loop)
        self.when_lost: Callable[[], object] | None = None
        """Called when the client is gone."""
        self._crowd = crowd
        self._head_seconds = head_seconds
        self._in_head = True
        self._bare_bytes = 0
        """Received since a head ended or a piece of a body came."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_seconds = unread_seconds
        self._unread_timer: asyncio.TimerHandle | None = None
        self._is_leaving = False
        self._farewell_timer: asyncio.TimerHandle | None = None

    @property
    def _latest(self) -> "RequestResponseCycle | None":
        """The request that came last; None: there was none."""
        return self.cycle

    @property
    def stuck(self) -> bool:
        """The client has not read what was sent, and nothing more fits in behind that."""
        return self.flow.write_paused

    @property
    def answering(self) -> bool:
        """A request's reply is not over."""
        cycle = self._latest
        return cycle is not None and not cycle.response_complete

    @property
    def expects_body(self) -> bool:
        """The client waits for leave to send its body; refused, it may send something else."""
        cycle = self._latest
        return cycle is not None and cycle.waiting_for_100_continue

    def abort(self) -> None:
        """Close it at once, whatever the client has not read yet."""
        self.transport.abort()

    def give_way(self) -> None:
        """Close it; there is no request.

        At once, also where the end of the last reply was not read yet: such a connection would
        stay for as long as its client likes, uncounted.
        """
        self.transport.abort()

    def shutdown(self) -> None:
        """Let the next reply be the last one, and say so; without a request, close in a moment."""
        self._is_leaving = True
        cycle = self._latest
        if cycle is None or not self.answering:
            self._say_farewell()
        elif not cycle.response_started:
            cycle.keep_alive = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # theirs
        super().connection_made(transport)
        if self._crowd.enter(self):
            self._time_head()
        else:
            self._refuse(_TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.leave(self)
        self._head_is_over()
        self._is_read()
        if self._farewell_timer is not None:
            self._farewell_timer.cancel()
        super().connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._bare_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._pass_over_offer(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse(_BAD)
        if self._bare_bytes > MAX_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif (self._in_head and self._bare_bytes) or not self.answering:
            self._time_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(self._unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_read()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._crowd.work(self)
        self._in_head = True
        # It may begin in the bytes that another one ended in.
        self._bare_bytes = max(self._bare_bytes, 1)
        self.scope["state"][CONNECTION] = self

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # and no trailer
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_is_over()
        is_1_1 = self.parser.get_http_version() == "1.1"
        method = self.parser.get_method()
        if not is_sound(method=method, is_1_1=is_1_1, headers=self.headers):
            raise UnsoundHeadError
        if len(self.pipeline) >= MAX_WAITING:
            raise TooManyWaitError
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self.cycle.keep_alive = self.cycle.keep_alive and not self._is_leaving

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.answering and not self._in_head:
            self._crowd.rest(self)
        if self._is_leaving and not self.answering and not self.transport.is_closing():
            self._say_farewell()

    def on_body(self, body: bytes) -> None:
        self._bare_bytes = 0
        super().on_body(body)

    def _pass_over_offer(self, rest: bytes) -> None:
        """Read a request again without its offer to go on in another protocol, such as HTTP/2.

        The parser takes what follows such a head for that protocol, and clients of Java make the
        offer with every request.

        Args:
            rest: What came behind the head.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode("ascii")
        kept = [(name, value) for name, value in self.headers if name not in _OFFER]
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % header for header in kept]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"\r\n".join((*lines, b"", rest)))

    def _refuse(self, reply: bytes) -> None:
        """Send a last reply where it is read as that to what is coming in; close in any case."""
        self._head_is_over()
        if self.transport.is_closing():
            return
        cycle = self._latest
        if cycle is not None and self.answering:
            if self.pipeline or cycle.response_started or not cycle.more_body:
                self.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(reply)
        self.transport.close()

    def _time_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self._head_seconds, self.transport.abort)

    def _head_is_over(self) -> None:
        self._in_head = False
        self._bare_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _say_farewell(self) -> None:
        self._farewell_timer = self.loop.call_later(FAREWELL_SECONDS, self._part)

    def _part(self) -> None:
        if not self.answering:
            self.transport.close()

    def _is_read(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None
