"""One HTTP/1.1 connection: uvicorn's, with the limits that it lacks.

    limit                                  what happens
    a request's head is over 64 KiB        431, and the connection is closed
    a head takes too long                  the connection is closed
    bytes that are no HTTP                 400; none inside another request's reply

A client that closes its side of the connection is taken for gone, also one that only meant to
say that it will send no more: the two cannot be told apart.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

CONNECTION = "failsoft.connection"
"""Where a request's scope has its connection, within `state`."""

MAX_HEAD_BYTES = 64 * 1024
"""Read in chunks, so that a little more may pass."""

_OFFER = frozenset({b"connection", b"upgrade", b"http2-settings"})
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """A connection whose requests are handed to an ASGI application one by one."""

    def __init__(
        self,
        config: "Config",
        server_state: "ServerState",
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        head_seconds: float,
    ) -> None:
        """
        Args:
            head_seconds: How long a request's head may take.
        """
        super().__init__(config, server_state, app_state, _loop)
        self.when_lost: Callable[[], object] | None = None
        """Called when the client is gone."""
        self._head_seconds = head_seconds
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # theirs
        super().connection_made(transport)
        self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_over()
        super().connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._pass_over_offer(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        if self._in_head and self._head_bytes:
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_TOO_LARGE)
            elif self._head_timer is None and not self.transport.is_closing():
                self._time_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        # It may begin in the bytes that another one ended in.
        self._head_bytes = max(self._head_bytes, 1)
        self.scope["state"][CONNECTION] = self

    def on_headers_complete(self) -> None:
        self._head_is_over()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self.answering:
            self.abort()
        elif not self.transport.is_closing():
            super().send_400_response(msg)

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
        self._head_is_over()
        if self.answering:
            self.abort()
            return
        self.transport.write(reply)
        self.transport.close()

    def _time_head(self) -> None:
        self._head_timer = self.loop.call_later(self._head_seconds, self.transport.abort)

    def _head_is_over(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
