"""A listener that is bound, and serves within the service's own event loop.

uvicorn speaks HTTP here and does nothing else: signals, drain and logs are kit's.
"""

import asyncio
import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from uvicorn.config import Config
from uvicorn.server import ServerState

from failsoft_kit.http.connection import FAREWELL_SECONDS, Connection
from failsoft_kit.http.crowd import Crowd
from failsoft_kit.http.guard import Guard
from failsoft_kit.rpc.address import Address

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection is kept; clients keep theirs for less, so none meets its end."""
_BACKLOG = 2048


class HttpServer:
    """Serves one listener from `start` to `stop`."""

    def __init__(
        self,
        app: Guard,
        bound: socket.socket,
        *,
        max_connections: int,
        head_seconds: float,
        unread_seconds: float,
    ) -> None:
        """
        Args:
            max_connections: How many are kept at once.
            head_seconds: How long a request's head may take.
            unread_seconds: How long a client may leave unread what it was sent.
        """
        served: ASGIApplication = app  # type: ignore[assignment] # no websockets, no lifespan
        self._config = Config(
            served,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            # It would write request lines and stacks; what is worth telling kit tells.
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            # A request begins in the context of the one before it, and was taken for its child.
            reset_contextvars=True,
        )
        self._state = ServerState()
        self._bound = bound
        self._crowd = Crowd(max_connections)
        self._head_seconds = head_seconds
        self._unread_seconds = unread_seconds
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Take connections from now on."""
        self._config.load()
        accept = partial(
            Connection,
            self._config,
            self._state,
            {},
            crowd=self._crowd,
            head_seconds=self._head_seconds,
            unread_seconds=self._unread_seconds,
        )
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(accept, sock=self._bound, backlog=_BACKLOG)

    def drain(self) -> None:
        """Take no more connections; those there are get one more reply at most."""
        if self._server is None:
            self._bound.close()
            return
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()

    async def wait_until_left(self) -> None:
        """After `drain`: until the idle connections are closed, or their clients had the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * FAREWELL_SECONDS):
                await self._crowd.wait_until_empty()

    def close(self) -> None:
        """Break off what is left."""
        for connection in list(self._state.connections):
            connection.transport.abort()


def bound_socket(address: Address) -> socket.socket:
    """A socket that is bound to the address, and does not listen yet.

    Raises:
        OSError: It cannot be had.
    """
    infos = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, kind, protocol, _, where = infos[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
    except OSError:
        bound.close()
        raise
    return bound
